package spool

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/postroad/postroad/internal/mail"
)

// Errors of a Store. receive maps them to replies: ErrFull 452 4.3.1,
// ErrUnavailable 451 4.3.0, ErrTooBig 552 5.3.4.
var (
	ErrFull        = errors.New("spool: no space left")
	ErrUnavailable = errors.New("spool: not available")
	ErrTooBig      = errors.New("spool: message too big")
	ErrFenced      = errors.New("spool: lease lost")
	ErrNotFound    = errors.New("spool: no such message")
	ErrDamaged     = errors.New("spool: damaged record")
	// ErrInvalid: the call makes no sense (a message without recipients, a
	// change of a recipient that has ended, a draft used twice). Nothing was done.
	ErrInvalid = errors.New("spool: invalid call")
	// ErrBusy: an attempt has the job.
	ErrBusy = errors.New("spool: job is being attempted")
	// ErrLocked: another process has the folder open.
	ErrLocked = errors.New("spool: in use by another process")
)

// ID of a message: 16 octets, ordered by time of creation. String is 26 or so
// letters, in which an administrator finds the message again.
type ID [16]byte

// Envelope is what is stored with a message and never changes.
type Envelope struct {
	Sender     mail.Path
	Body       mail.BodyType
	SMTPUTF8   bool
	Origin     uint8     // decide.Origin
	Arrived    time.Time // UTC
	Generation string    // of the configuration that decided
	Client     string    // address, for the log
	Helo       string
	Login      string
	Listener   string
	MessageID  string // of the header, for the log; at most 255 octets
	Tenant     string
	Size       int64  // octets of the body as stored
	Decision   []byte // opaque to the spool: what receive wrote of the decision
	// Plain: all lines of the body end in CR LF and none begins with a dot. It is not
	// stored: only of a body that is still in memory, as it came, is it known.
	Plain bool
}

// LaneDue is a lane with work. One that has jobs asleep and others is told twice.
type LaneDue struct {
	Lane   Lane
	Due    time.Time // of its oldest job
	Jobs   int       // due jobs, counted up to a bound
	Asleep bool      // what is told of are those asleep: work at once when the lane is awake
}

// ClaimReq asks for due jobs of a lane, oldest first. Those asleep come before the
// others, whatever their Due, unless From is given.
type ClaimReq struct {
	Lane     Lane
	From     time.Time // jobs due at or after; zero does not bound
	Before   time.Time // jobs due at or before
	Asleep   bool      // the lane sleeps: of the jobs asleep, those due at or before Before
	Max      int
	LeaseFor time.Duration
}

// Hint says that a lane may have work at Due. It may be lost, and may be wrong.
type Hint struct {
	Lane   Lane
	Due    time.Time
	Sender mail.Path // of the work; the zero value is <>
}

// Health of a store.
type Health struct {
	Err       error // nil: accepts mail
	FreeBytes int64
	Damaged   int64 // records quarantined since the start
}

// Body of a stored message. ReadAt may be called by several goroutines. One that
// lies in memory may have Spans(use func(spans [][]byte) error) error as well,
// which lends it.
type Body interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// Draft is a message being received. Write appends to its body; errors are
// ErrFull, ErrUnavailable, ErrTooBig. Exactly one of Commit, Prepare and Abort
// ends the writing; Abort after Commit, or after the Update that took a prepared
// draft, does nothing.
//
// Commit and Prepare number jobs and recipients, set Message, Size and Arrived,
// and take a zero Arrived or Due as now. Each job has a recipient that waits.
// What they are given is copied, but for the recipients of a message that has many:
// these are numbered where they stand, and must not change before the draft ends.
type Draft interface {
	io.Writer
	ID() ID
	// Commit returns nil when everything is durable. After an error nothing of
	// the message is kept.
	Commit(Envelope, []Job) error
	// Prepare fixes envelope and jobs for a later Update, which writes them in
	// its own batch. A draft that no Update took is given back by Abort.
	Prepare(Envelope, []Job) error
	Abort()
}

// Store is durable messages and schedule. All methods may be called by several
// goroutines. After Close, and when the store cannot promise durability any
// more, they answer ErrUnavailable.
type Store interface {
	// Create begins a message. ErrFull and ErrUnavailable say so before a byte
	// was sent.
	Create(ctx context.Context) (Draft, error)
	// CreateReport begins a report of our own on queued mail. It is taken for some
	// while after mail is refused for want of space: what it reports on goes with
	// it, and a queue of which nothing can be delivered would stay for ever.
	CreateReport(ctx context.Context) (Draft, error)
	// Lanes with work due before the time (or at it) that nobody has claimed, those
	// with jobs asleep first, then oldest first, at most max. Held jobs are no work.
	Lanes(ctx context.Context, before time.Time, max int) ([]LaneDue, error)
	// Claim leases due jobs. A lease that ran out may be claimed by another; its
	// former holder then gets ErrFenced. A restart ends all leases. A claim that
	// takes all that is due gives a hint of what is due next, when that is soon.
	// Jobs may come with an error: they are leased, and of what else is due some
	// could not be read. Without one, and without From, fewer than Max are all.
	Claim(ctx context.Context, req ClaimReq) ([]Job, error)
	// Extend makes a lease last until d from now.
	Extend(ctx context.Context, l Lease, d time.Duration) (Lease, error)
	// Update writes one atomic, durable batch: recipients, schedule, and the
	// drafts (DSNs) that they cause, and ends the lease. The job goes with its
	// last recipient and the message with its last job. A job that was held
	// during the attempt stays held. After an error, but ErrFenced, the lease
	// holds and the drafts are as they were.
	Update(ctx context.Context, l Lease, o Outcome, spawn []Draft) error
	// Replace puts the outstanding recipients of a job into other jobs, each
	// recipient (by its N) exactly once, and ends the lease. The new jobs are
	// numbered after the present ones, their recipients from 0.
	Replace(ctx context.Context, l Lease, jobs []Job) error
	// Reassign does what Replace does to a job that nobody has claimed, as long as
	// it is as it was seen in a list: ErrFenced when its recipients or attempts have
	// changed since, ErrNotFound when it has gone, ErrBusy when an attempt has it.
	Reassign(ctx context.Context, seen Job, jobs []Job) error
	// Open gives the envelope and the body; the caller closes it. It stays
	// readable when the message goes meanwhile.
	Open(ctx context.Context, id ID) (Envelope, Body, error)
	// Scan calls f for each job that the filter selects, streaming, in the order
	// of arrival, with the recipients that have ended too.
	Scan(ctx context.Context, f Filter, each func(Entry) error) error
	// Change does a to the jobs that the filter selects, chunk by chunk, and tells
	// how many it concerned: at the end, which comes early with that of ctx, and by
	// told (or nil) after each chunk that is durable.
	Change(ctx context.Context, f Filter, a Action, told func(Changed)) (Changed, error)
	// Count by group: the key has the whole lane, a part of it, or nothing.
	Count(ctx context.Context, by Group) (map[Lane]Counts, error)
	// Watch gives hints until ctx ends, then closes the channel.
	Watch(ctx context.Context) (<-chan Hint, error)
	Health() Health
	Close() error
}
