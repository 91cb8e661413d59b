// Package mail holds the words of the house: Domain, Address, Path, Envelope,
// Reply, Error and the header scanner.
//
// It does no I/O, starts no goroutine, reads no clock and logs nothing; it
// knows nothing of rules, queues or the wire. Every other room may import it and
// it imports none of them.
//
// RFCs: 5321 (addresses, paths, replies), 5322 (header fields), 3461 (delivery
// status parameters), 3463 (enhanced status), 5890 and 6531 (internationalised
// names).
//
// Failure: a parser returns an error and the zero value; nothing panics on input.
package mail
