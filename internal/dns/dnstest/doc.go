// Package dnstest is an authoritative DNS for tests and the demo: zones in RFC
// 1035 text, served on UDP and TCP of one loopback port or, without a socket,
// as an Exchanger inside a synctest bubble.
//
// It answers for its own zones only, follows CNAMEs between them and knows
// wildcards, but no delegations, no DNSSEC and no zone transfer. Faults are set
// by name: reply codes, silence, delay, truncation, wrong ids. Every question is
// logged.
//
// RFCs: 1034 s4.3.2 (answers, wildcards), 2308 (negative answers carry the SOA).
//
// Failure: a zone that does not parse is an error and changes nothing.
package dnstest
