package spool

import (
	"time"

	"github.com/postroad/postroad/internal/mail"
)

// Filter selects jobs. Zero fields do not bound.
type Filter struct {
	IDs       []ID
	Transport string
	Nexthop   string
	Tenant    string
	Domain    mail.Domain // of a final recipient
	Sender    string      // address or "<>"
	OlderThan time.Time   // arrived before
	HeldOnly  bool
	Limit     int
	Detail    Detail
}

// Detail is how much of each entry a Scan reads.
type Detail uint8

// Details, each of which costs less than the one before.
const (
	DetailAll        Detail = iota
	DetailRecipients        // of the envelope only its sender, size and arrival
	DetailJob               // nor, perhaps, the recipients
)

// Entry is one job with its message, for a list.
type Entry struct {
	Envelope Envelope
	Job      Job
	Waiting  int // recipients that have not ended
}

// Action of Change.
type Action uint8

// Actions.
const (
	ActionHold Action = iota
	ActionRelease
	ActionRetry  // due now, and awake; neither held jobs nor those being attempted
	ActionRemove // ends the recipients without a DSN; a lease on them is lost
)

// Changed is what a Change did so far: jobs, the messages of which they are, and
// their recipients that waited.
type Changed struct{ Messages, Jobs, Recipients int64 }

// Counts of one group: messages with a job in it, jobs, waiting recipients, held
// jobs, octets of the messages' bodies, and when the oldest arrived.
type Counts struct {
	Messages, Jobs, Recipients, Held int64
	Bytes                            int64
	Oldest                           time.Time
}

// Group of Count.
type Group uint8

// Groups.
const (
	GroupAll Group = iota
	GroupLane
	GroupTenant
	GroupTransport // and tenant: at once, but jobs, recipients and held ones only
)
