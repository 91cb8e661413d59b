// Package postfix asks services that speak Postfix's own table protocols:
// socketmap_table(5), netstrings of "name key" and "OK value", and tcp_table(5),
// lines of "get key" with %XX for what is no plain character. One question goes
// over a connection at a time; connections are kept between questions.
//
// In a netstring the key is counted, in a line it is encoded, so that nothing in
// it can be read as another question. The package neither caches nor limits
// itself: table/remote does.
//
// Failure: TEMP, TIMEOUT, PERM and 400 are "try later", PERM as the key's fault;
// so is every reply that is none of the protocol, after which the connection is
// given up, since what follows on it could answer another key.
package postfix
