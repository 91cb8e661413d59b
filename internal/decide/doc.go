// Package decide is the core: given a Snapshot of the rules, an envelope, the
// Facts of the session and the answers of tables, it says for each recipient
// what shall become of it, and why.
//
// It is pure: values in, values out. No I/O, no clock, no randomness, no
// globals, no goroutines. The same inputs give the same decision for ever, so
// that an explanation is the decision itself and a stored one can be replayed.
//
// Begin with decide.go, then judgment.go, which is the order of the stages. They
// have a file each, in the order in which a message is judged: admit (and relay,
// author), address, rewrite, expand (and target), copy, route (and lookup). The
// gateways still to be passed will stand between expand and copy, in
// judgment.decide. What happens at each attempt, the look at DNS, is deliver's.
//
// Rules are compiled to conditions (match, matchmessage, percent, pattern) over
// an index (index) that leaves out those which cannot hold, so that a thousand
// routes cost what a few do. A condition has one of four answers (tri): yes, no,
// unknown when a table is away, and later when it asks for the message and that
// has not come.
//
// Two calls of one machinery: Recipient at RCPT with what is known then, Message
// after the end of data. RCPT refuses only what no message could save, and what
// it accepted Message may route elsewhere or refuse, but never calls unknown.
//
// Where the answer of a remote table is missing the outcome has Needs: the caller
// looks all of them up side by side, adds them to the Memo and calls again. A
// table that cannot answer gives 4xx, never a fall-through; what certainly holds
// without it is told all the same.
//
// The choices where standards leave one:
//
//   - An alias "@domain" is for whom nobody knows: mailboxes come before it. In
//     Postfix it comes before mailboxes.
//   - An unmatched subaddress is passed on to the targets of an alias, but not to
//     a hosted domain without that delimiter, and not on top of another one.
//   - An address pattern, like a table of patterns, also holds for the subaddresses
//     of a hosted mailbox, so that none is a way around a rule.
//   - An alias that names itself is the mailbox of that name; a cycle of several
//     is left out, and refused with 5.4.6 when nothing else is left.
//   - A login may send with the null reverse-path; its From is held against the
//     owners all the same.
//   - A maildir's recipient is the mailbox, in lower case and without subaddress;
//     all others are given the address as it was reached.
//
// RFCs: 5321 (s3.6, s3.9, s4.1.1.3, s4.5.1, s6.3), 3461 s5.2.7 (aliases), 6533
// (ORCPT), 5322 s3.6.2 (From), 9228 (Delivered-To). Manual pages: transport(5),
// virtual(5), error(8).
//
// Failure: what cannot be told, or what the rules say and cannot be done, defers
// with 451 and a line in the trace. Nothing is dropped silently.
package decide
