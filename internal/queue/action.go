package queue

import (
	"time"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

// ActionKind says what the scheduler wants done.
type ActionKind uint8

// Kinds of action. Each is answered once: Claim by Claimed, Scan by Scanned,
// Start and Defer by Ended and then by Finished.
const (
	ActionClaim ActionKind = iota // claim up to Max jobs of Lane
	ActionScan                    // list up to Max lanes due before Before
	ActionStart                   // attempt Job
	ActionDefer                   // settle Job as not reached, by Failure, without an attempt: it sleeps with its lane
)

// Action is something to be done.
type Action struct {
	Kind    ActionKind
	Lane    spool.Lane
	From    time.Time
	Before  time.Time
	Max     int
	Asleep  bool // a claim for a lane that sleeps
	Light   bool // a claim of mail that passes a backlog
	Job     *spool.Job
	Failure Failure
}

// Failure is why a lane sleeps: the last thing heard of it, or that it is paused.
type Failure struct {
	Reply  mail.Reply
	Remote string
}

// Feedback is what an attempt says about its lane.
type Feedback uint8

// Feedbacks.
const (
	FeedbackNone        Feedback = iota // nothing: no attempt, or ended by us
	FeedbackReached                     // somebody spoke with us
	FeedbackUnreachable                 // nothing was said to the remote
)
