// Package spool keeps accepted messages and the state of their recipients until
// each has ended. Store is the contract; the store on pebble lives here, and a
// replicated one can satisfy the same contract later.
//
// It does not know what a route means, when a retry is due or how to deliver:
// it stores what decide said and what queue wants.
//
// Commit returns nil only when message, jobs and schedule are durable (one
// synced batch; for a big body its file and folder before that). Every value
// starts with a version byte and carries a checksum; what is damaged is
// quarantined and listed, and the rest goes on.
package spool
