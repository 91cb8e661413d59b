// Package queue decides when: which lane is due, how many attempts run at once,
// when the next one comes and when to give up. The scheduler is pure: the clock
// is passed in and one loop feeds it, so that a seed replays exactly. The runner
// ties it to a spool.Store and to a Deliverer.
//
// It does not know how a message is delivered, nor what a DSN looks like.
//
// RFCs: 5321 s4.5.4 (retries), 3461 (when a DSN is due).
package queue
