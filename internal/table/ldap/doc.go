// Package ldap asks LDAP servers: one search below a base, by a filter in which
// {key} stands for the key. The values are those of the named attributes of all
// entries, sorted, each once; without attributes an entry is found, and that is
// all.
//
// The key is escaped octet by octet (RFC 4515 s3), so that nothing in it can be
// read as a filter. A server compares loosely (RFC 4518: case, spaces, characters
// that look alike); the attributes that the filter compares with the key are read
// with the entry, and one that shows other texts only is not the key's. Where it
// shows none, a key that cannot be taken for another is believed, and every other
// cannot be told. A long result comes by pages (RFC 2696); several keys are asked side by
// side over one connection. It follows no referrals, and it neither caches nor
// limits itself: table/remote does. Server connects the directories of kind ldap
// too.
//
// RFCs: 4511, 4513 (simple bind, StartTLS), 4515, 4518, 2696.
//
// Failure: what the server does not answer with success is "try later", a base
// that is not there among it; so is an answer that is cut off by a limit, as the
// key's fault. The password is read at each new connection and never part of an
// error, and neither is what the server says about names.
package ldap
