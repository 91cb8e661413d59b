// Package directory answers whether a name and a password belong together.
//
// Directories.Verify asks the directories of a listener in their order; each has
// one of three answers: yes, no, try later. The first yes is the login, under the
// name of its directory, so that two directories may hold the same name. A no
// counts only when every directory has answered: one that could not makes the
// whole "try later", never a wrong password.
//
// Kinds: file and sql hold hashes that are verified here; ldap binds as the user;
// dovecot and http pass the password on to who knows. A name that nobody knows
// costs exactly the hash computations of one that is known, see hasher. Failures
// are counted by network and by account and forgotten with time, see throttle.
//
// It does not know of SMTP, and it does not judge what a login may do: decide
// does, by the name that comes out of here.
//
// A directory on another machine that has failed five times in a row is left alone
// for seconds, see bounded: the answer is "try later" at once, to known and unknown
// names alike.
//
// RFCs: 4511 and 4513 (LDAP), 4616 (PLAIN towards Dovecot).
//
// Failure: whatever is not understood is "try later". No password and no hash is
// ever part of an error or of the log.
package directory
