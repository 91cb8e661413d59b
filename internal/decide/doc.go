// Package decide is the core: given a Snapshot of the rules, an envelope, the
// Facts of the session and the answers of tables, it says for each recipient
// what shall become of it, and why.
//
// It is pure: values in, values out. No I/O, no clock, no randomness, no
// globals, no goroutines. The same inputs give the same decision for ever, so
// that an explanation is the decision itself and a stored one can be replayed.
//
// Stages, a file each, in the order in which a message is judged: admit,
// address, rewrite, expand, chain, copy, route. (resolve, the last one, needs DNS and
// happens in deliver at each attempt.)
//
// Two calls of one machinery: Recipient at RCPT with what is known then, Message
// after the end of data. What the first accepted the second never calls unknown.
// Where the answer of a table is missing the outcome has Needs: the caller
// looks all of them up side by side, adds them to the Memo and calls again.
// A table that cannot answer gives 4xx (three-valued conditions), never a
// fall-through.
//
// RFCs: 5321 (s3.6, s4.1.1.3, s6.3), 3461 s5.2.7 (aliases), 9228
// (Delivered-To).
package decide
