// Package crash kills the running program with SIGKILL under load, again and
// again, and holds a ledger of the messages that were answered 250 against what
// arrived: none lost, none altered, and no more duplicates than deliveries were
// in flight.
//
// The default is a short slice; POSTROAD_CRASH=all (make crash) runs 200 rounds.
package crash
