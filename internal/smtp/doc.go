// Package smtp is the wire, for both sides: what may stand in a command line, a
// path, a parameter, a reply and the data of a message, read and written
// strictly and with limits.
//
// The server half reads command lines (ReadLine, ParseCommand), paths and
// parameters (ParseMail, ParseRcpt) and the data of a message (CopyData), and
// writes replies in batches (ReplyWriter). The client half speaks to a remote
// server, and sets the deadlines that it was given for each step. Neither knows a
// rule, a queue or a configuration; the deadlines and the state of a session that
// comes in are receive's.
//
// RFCs: 5321 (commands, replies, data), 1870 (SIZE), 2920 (PIPELINING), 3461
// (DSN), 4954 (AUTH), 6152 (8BITMIME), 6531 (SMTPUTF8).
//
// Failure: what a client said wrong comes back as *mail.Error with the reply
// that it gets; what the connection did comes back as it is. Nothing panics on
// input. The only end of data is CR LF . CR LF; a bare CR or LF never ends
// anything.
package smtp
