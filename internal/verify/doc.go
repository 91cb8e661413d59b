// Package verify tells which mailboxes exist behind a domain that says mailboxes
// = "ask": it asks the domain's transport by MAIL and RCPT, and remembers the
// answers on disk. A domain under migration is asked at the home of the address
// first and, where the migration tries the other side, there too.
//
// To the rules it is a table (Source) like any other. An answer serves until its
// refresh is due; when nobody can be asked then, it serves until it expires. One
// address is asked about once at a time, a transport by a few connections and at
// a bounded rate, so that a dictionary attack on us is none on the host behind.
//
// It does not decide: what "not found" means is the rules' affair. It does not
// send messages.
//
// RFCs: 5321 (s3.3: RCPT may be asked without a message).
//
// Failure: what nobody can tell is "try later". For a backup MX, whose transport
// is mx, an address is taken when none of the better ones can be reached. Hosts
// that do not answer are left alone for some seconds. Answers that cannot be
// written are told in the log and kept in memory.
package verify
