// Package receive is the way in: the SMTP server session, and accept, which
// turns what a session was told into durable mail.
//
// A session is a state machine with a method a verb, over a net.Conn. It decides
// nothing: decide.Recipient answers at RCPT and decide.Message, or decide.Each
// where it has very many recipients, after the end of data, both under the
// generation that was pinned at MAIL. Every other way
// in (DSNs of our own, later an API) uses the same Acceptor with its origin.
//
// 250 after the end of data means that spool.Draft.Commit has returned nil, and
// nothing else does.
//
// RFCs: 5321, 1870 (SIZE), 2034 (enhanced status codes), 2920 (PIPELINING), 3207
// (STARTTLS), 3461 (DSN), 3848 (WITH), 4616 and 4954 (AUTH), 6152 (8BITMIME), 6531
// (SMTPUTF8).
//
// Failure: what the client does wrong costs the client its session at most. A
// panic closes one session, is counted and logged, and loses nothing that was
// answered 250. A spool or a table that cannot answer gives 4xx.
package receive
