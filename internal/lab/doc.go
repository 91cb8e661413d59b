// Package lab is a small internet in one process: zones answered by a DNS of its
// own, SMTP and LMTP receivers on loopback addresses whose replies, delays and
// faults are set by rules, a capture of all that arrives, a certificate authority,
// and a simple sender. Tests and the demo use it.
//
// It shares no code with the server's own SMTP on purpose: it is the judge of
// what that sends, and notes every breach of the protocol (Receiver.Violations).
// It is no server for real mail: it keeps everything in memory.
//
// Receivers that stand for MX hosts have an address of 127.0.0.0/8 each and one
// port in common, so that an mx transport with that port and `private = true`
// reaches them by the addresses of the zones. No root and no network is needed.
//
// RFCs: 5321, 2033 (LMTP), 2920 (pipelining), 3207 (STARTTLS), 4954 (AUTH), 3461,
// 6152, 6531.
//
// Failure: starting returns errors; a running receiver never panics on input and
// answers broken commands as RFC 5321 says.
package lab
