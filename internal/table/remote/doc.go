// Package remote asks tables that live elsewhere: it puts between the rules and
// a kind's Asker (SQL, LDAP, HTTP …) what all kinds need, so that a kind knows
// its protocol and nothing else.
//
// A Source answers every key within its timeout. Answers are cached, found ones
// and "not found" each for a time of its own; one key is asked once at a time,
// however many wait for it; so many asks run side by side as there are
// connections; after several failures in a row it asks no more for a while, and
// then tries with one key first. It does not know what a value means to a rule,
// and it dials nothing itself.
//
// Failure: a key that cannot be asked now is "try later" with its cause. Where
// the configuration allows it, an answer from before is given in its place. An
// Asker that ignores its context is left behind: it keeps its connection, and
// nobody else waits for it. One that panics answers "try later".
package remote
