// Package interop tries postroad, as a process, with programs by others: swaks
// and Python's smtplib send, Postfix and Dovecot's LMTP receive, Postfix relays
// through us and we through it, and MX order comes over knot and unbound.
package interop
