// Package redis asks Redis, and what speaks its protocol (Valkey, KeyDB): GET,
// HGET or SMEMBERS, by a name and a field in which {key} stands for the key. A
// string or a field is one value, a set has its members, sorted; an empty text is
// found without values.
//
// A name travels as a counted string and is no pattern, so that nothing in a key
// can be read as a command. Several keys go in one exchange. The package neither
// caches nor limits itself: table/remote does.
//
// Failure: what the server does not answer is "try later". A name of another type
// (WRONGTYPE) is the key's fault and says so, since others may be asked. The
// password is read at each new connection and never part of an error.
package redis
