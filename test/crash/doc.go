// Package crash kills the running program with SIGKILL under load, again and
// again, and holds a ledger of the messages that were answered 250 against what
// arrived: none lost, none altered, and no more duplicates than deliveries were
// in flight.
//
// It also fails, slows and fills the disk under a running program, by strace and
// by small file systems in memory, against the same ledger; and it reads the
// trace of the program at work for the sync between each message and its 250.
// Those tests need root, and strace.
//
// The default is a short slice; POSTROAD_CRASH=all (make crash) runs 200 rounds.
package crash
