package queue

import (
	"context"
	"time"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

// Attempt is one job on its way.
type Attempt struct {
	Job      spool.Job
	Envelope spool.Envelope
	Body     spool.Body
	Last     bool // the job expires with this attempt: soft conditions become final
}

// RecipientResult is what became of one recipient in an attempt.
type RecipientResult struct {
	N      int         // spool.Recipient.N
	State  spool.State // Waiting: deferred, try again
	Reply  mail.Reply
	Remote string // host that said it, "mx.example.net[192.0.2.1]:25"; "" for our own
	// Lane in which a recipient that Moved goes on, at once. NotBy is the transport
	// that does not know it; "" leaves what is stored.
	Lane  spool.Lane
	NotBy string
}

// Result of an attempt. Every recipient of the job has its result.
type Result struct {
	Recipients []RecipientResult
	// Unreachable: nothing was said to the remote (connect, TLS, greeting, EHLO).
	// It lowers the concurrency of the lane (SEMANTICS 13); other failures do not.
	Unreachable bool
	// Final: this was the end of the road (lmtp, maildir, discard), so that a
	// confirmation says delivered and not relayed.
	Final bool
	// Expanded: what was delivered is the word that the recipients are aliases whose
	// members have jobs of their own.
	Expanded bool
	// Hold: the transport vanished from the configuration; the job is held.
	Hold bool
	// DSNCapable: the accepting host took NOTIFY and ORCPT (RFC 3461 s5.2.2).
	DSNCapable bool
	TLS        string // for the log: "TLS1.3", ""
	// NotBefore is when the remote wants to be asked again; zero: it does not say.
	// The next attempt is no earlier, unless the job expires before.
	NotBefore time.Time
	// Spawn are prepared drafts that are written in one batch with the outcome: what
	// was re-injected exists when its recipient has ended, and not before. Who gets
	// the result gives back those that are not written.
	Spawn []spool.Draft
}

// Deliverer carries out attempts. Attempt blocks until the end and obeys ctx;
// it never panics on what the remote says.
type Deliverer interface {
	Attempt(ctx context.Context, a Attempt) Result
}

// Profile of retries and limits of a transport, from the current configuration.
type Profile struct {
	After       []time.Duration
	Then        time.Duration
	Warn        time.Duration // 0: none
	GiveUp      time.Duration
	Connections int // most attempts of a lane at once
}

// Profiles gives the profile of a transport's name; a transport that vanished
// has the default profile.
type Profiles interface {
	Profile(transport string) Profile
}

// NoticeKind is the Action of a DSN (RFC 3464 s2.3.3).
type NoticeKind uint8

// Kinds of notice.
const (
	NoticeFailed NoticeKind = iota
	NoticeDelayed
	NoticeRelayed // to a host without DSN, where SUCCESS was asked
	NoticeDelivered
	NoticeExpanded // by an alias, where SUCCESS was asked
)

// Notice is what a DSN tells, all recipients of one job and one kind.
type Notice struct {
	Kind           NoticeKind
	Envelope       spool.Envelope
	Job            spool.Job         // Sender, EnvID and Ret are used; LastTry is this attempt
	Recipients     []spool.Recipient // with State, Reply and Remote as of now
	WillRetryUntil time.Time         // delayed
}

// Notifier makes the DSN of a notice as a prepared draft, routed by the same
// decide as any other mail, or nil when none may be sent (null sender,
// NOTIFY, a DSN already). The caller commits it by Store.Update or aborts it. A
// nil body is one that cannot be read: nothing of it is returned.
type Notifier interface {
	Notify(ctx context.Context, n Notice, body spool.Body) (spool.Draft, error)
}
