// Package equivalence runs imported Postfix configurations beside a real Postfix
// and compares what arrives.
//
// Each configuration of the importer's tests gets a world of its own: a
// namespace of the network in which every address is local, of the file system
// and of processes. In it stand a Postfix with the files at /etc/postfix, a
// postroad with what `postroad import postfix` made of them, captures on every
// port that the files name, and DNS that answers for every name. Both are given
// the same envelopes and messages from the same client addresses, and really
// deliver: the next hop, the envelope and the addresses of the header that come
// out are compared. What differs must have a reason that the import had listed.
//
// It does not test the import's text (that is with the importer), nor how either
// side behaves when a next hop fails.
//
// Failure: a difference without a listed reason fails the test; so does a world
// that cannot be made where POSTROAD_INTEROP is "required".
package equivalence
