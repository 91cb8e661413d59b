// Package limited runs a program within resource limits.
//
// Go starts a program without a moment between fork and exec that is ours, and
// from outside the limits of another user's process can be set only with a
// capability that a server need not have. So the server's own binary is started
// as the program's user, by the path and arguments of Command; Main, which the
// binary calls first of all, sets the limits of itself and becomes the program.
//
// It does not choose users, wait, or kill: deliver does.
//
// Failure: what cannot be limited is not run, and ends with EX_OSERR.
package limited
