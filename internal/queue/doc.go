// Package queue decides when: which lane is due, how many attempts run at once,
// when the next one comes and when to give up. The Scheduler is pure: the clock
// is passed in and one loop feeds it, so that a seed replays exactly; what an
// attempt means for its recipients is judged by pure code too. The Runner ties
// them to a spool.Store, a Deliverer and a Notifier.
//
// A lane whose host is away, or that is paused, sleeps, and its jobs with it: each
// is written once, as asleep, when it comes due, and then only looked at when it
// is to be warned of or gives up. Nothing is remembered of them in memory: the
// store gives them before all others to the first claim of the lane awake, be that
// the probe that reaches the host, what follows it as the window grows, or the
// first of the next process.
//
// It does not know how a message is delivered, nor what a DSN looks like.
//
// RFCs: 5321 s4.5.4 (retries), 3461 (when a DSN is due), 3463 (X.4.7 at expiry).
//
// Failure: nothing is forgotten before the store has it. An outcome that cannot
// be written is tried until it can; a recipient whose end cannot be told does
// not end; a lost hint is found by a scan; a panic costs one attempt.
package queue
