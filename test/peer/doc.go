// Package peer starts the programs that postroad is tried against: postroad
// itself as a process, and from Debian's packages Postfix, Dovecot's LMTP, knot,
// unbound, PostgreSQL, MariaDB, Redis and slapd, and services in Python, each in a
// folder of its own on ephemeral loopback ports.
//
// It is for tests only. A program that is not installed skips the test, or fails
// it when POSTROAD_INTEROP is "required", as it is in CI.
package peer
