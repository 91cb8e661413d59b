// Package spool keeps accepted messages and the state of their recipients until
// each has ended. Store is the contract; Pebble, the store on one machine, lives
// here, and a replicated one can satisfy the same contract later. spooltest has
// the suite that every store passes, and a store in memory for tests.
//
// It does not know what a route means, when a retry is due or how to deliver:
// it stores what decide said and what queue wants. It stands above queue,
// receive and deliver, and knows mail only.
//
// # What is promised
//
// Commit returns nil only when message, jobs and schedule are durable: one
// synced batch, and for a big body its file and its folder before that. Update
// and Replace are one batch each as well, the drafts that an Update spawns
// included, so that a DSN and the end of its recipient are both there or neither
// is. A restart finds what was acknowledged, and of a call under way all or
// nothing; it ends all leases. TestCrash holds this at every write to the disk.
//
// Every value starts with a version and carries a checksum. A record that is
// damaged is never taken for another: its job is held or set aside, a copy lies
// in quarantine/, Health counts it, and the rest goes on.
//
// # How it fails
//
// ErrFull: the disk has less than Options.MinFree, and since then not clearly more;
// no mail is taken and what is queued goes on, the reports on it for a quarter of
// MinFree included. What goes gives its space back meanwhile (reclaim.go), so that
// mail is taken again. ErrUnavailable: a batch has not become durable for ten
// seconds; or a big body could not be synced, after which no mail is taken and
// no work given out until a restart; or the store is closed. When the log or a
// folder cannot be written or synced, the process ends with a line in the log:
// what the disk holds is unknown then, and nothing unsynced was acknowledged.
// Open refuses a folder in use (ErrLocked), and one that is not as a spool left
// it; it never begins an empty queue in place of a lost one.
//
// Check, Salvage and Repair work on the files of a spool that no server has
// open, and do not need its database to open: salvage reads block by block what
// is left. Repair builds a new spool of it and keeps the old one beside.
//
// # On disk
//
//	LOCK         held by the process
//	FORMAT       the layout, written once
//	DAMAGED      files of the database that were found damaged; distrust.go
//	db/          the pebble database; keys.go has its keys, codec.go its values
//	body/        bodies larger than Options.InlineMax, each named by its message
//	tmp/         bodies being received
//	quarantine/  copies of damaged records; quarantine.go has their form
//	ballast      space that is given up on a full disk
package spool
