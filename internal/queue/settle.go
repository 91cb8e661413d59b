package queue

import (
	"time"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

// noticeAgain is the longest pause after the end of a recipient could not be
// told.
const noticeAgain = 15 * time.Minute

// ending is how a job came back.
type ending struct {
	result  Result
	now     time.Time
	cut     bool    // ended by us before its time: it does not count
	asleep  bool    // there was no attempt, since the lane sleeps
	jitter  float64 // in [0,1)
	profile Profile
}

// verdict is what an ending makes of a job: what is written, and what is told to
// whom. It is made by pure code; only the notices need I/O.
type verdict struct {
	recipients []spool.Recipient // all of the job, as of now
	outcome    spool.Outcome     // without Changes
	failed     []int             // indexes into recipients: bounced
	told       bool              // of failed, in a report that was made
	expired    []int             // those of failed that ran out of time
	warned     []int             // waiting for longer than Profile.Warn
	confirmed  []int             // delivered where SUCCESS was asked
	confirm    NoticeKind        // of confirmed
	moved      []int             // go on in outcome.Jobs
}

// isLast tells whether a job expires with the attempt that begins now.
func isLast(p Profile, j *spool.Job, now time.Time) bool {
	return !now.Before(p.Expiry(j.Arrived))
}

// isLate tells whether the sender of a job that goes on waiting is warned now.
func isLate(p Profile, j *spool.Job, now time.Time) bool {
	at := p.WarnAt(j.Arrived)
	return !at.IsZero() && !now.Before(at)
}

// judge applies an ending to a job.
func judge(j *spool.Job, e ending) verdict {
	v := verdict{recipients: apply(j, e), confirm: NoticeRelayed}
	if e.result.Final {
		v.confirm = NoticeDelivered
	}
	if e.result.Expanded {
		v.confirm = NoticeExpanded
	}
	expires := !e.cut && !e.result.Hold && isLast(e.profile, j, e.now)
	late := !e.cut && isLate(e.profile, j, e.now)
	waiting := false
	for i := range v.recipients {
		r := &v.recipients[i]
		if r.State == spool.Waiting && expires {
			expire(r)
			v.expired = append(v.expired, i)
		}
		switch r.State {
		case spool.Failed:
			v.failed = append(v.failed, i)
		case spool.Delivered:
			if r.Notify&mail.NotifySuccess != 0 && !e.result.DSNCapable {
				v.confirmed = append(v.confirmed, i)
			}
		case spool.Moved:
			v.moved = append(v.moved, i)
		case spool.Waiting:
			waiting = true
			if late && !r.Warned {
				r.Warned = true
				v.warned = append(v.warned, i)
			}
		}
	}
	if waiting {
		v.schedule(j, e)
	}
	v.outcome.Jobs = v.successors(j, e)
	return v
}

// apply gives the recipients of a job with their results. A recipient without a
// result waits, since nothing is known of it.
func apply(j *spool.Job, e ending) []spool.Recipient {
	out := make([]spool.Recipient, len(j.Recipients))
	copy(out, j.Recipients)
	for i := range out {
		for _, res := range e.result.Recipients {
			if res.N != out[i].N {
				continue
			}
			out[i].State = res.State
			// What an attempt that was cut short says of those who wait is about us.
			if res.State != spool.Waiting || !e.cut {
				out[i].Reply, out[i].Remote = res.Reply, res.Remote
			}
			break
		}
	}
	return out
}

// expire ends a recipient whose time has run out (RFC 3463 X.4.7). The last
// thing heard stays in the text, with who said it; the verdict is ours.
func expire(r *spool.Recipient) {
	text := "delivery time expired"
	if !r.Reply.IsZero() {
		by := "the last attempt ended with: "
		if r.Remote != "" {
			by = r.Remote + " said at last: "
		}
		text += "\n" + by + r.Reply.String()
	}
	r.State = spool.Failed
	r.Remote = ""
	r.Reply = mail.Reply{Code: 554, Enhanced: "5.4.7", Text: text}
}

// schedule says when the recipients that wait are tried again.
func (v *verdict) schedule(j *spool.Job, e ending) {
	switch {
	case e.result.Hold:
		v.outcome.Held = true
		v.outcome.Uncount = true
	case e.cut:
		v.outcome.Next = e.now
		v.outcome.Uncount = true
	case e.asleep:
		v.outcome.Next = e.profile.look(e.now, j.Arrived, e.jitter)
		v.outcome.Uncount, v.outcome.Asleep = true, true
	default:
		v.outcome.Next = e.profile.next(e.now, j.Arrived, j.Attempts+1, e.jitter)
		if e.result.NotBefore.After(v.outcome.Next) {
			v.outcome.Next = e.profile.notBeyondExpiry(e.result.NotBefore, j.Arrived, e.now)
		}
	}
}

// untell takes back the ends of recipients that could not be told: they wait, and
// the next attempt says the same of them or better.
func (v *verdict) untell(j *spool.Job, e ending) {
	for _, i := range v.failed {
		v.recipients[i].State = spool.Waiting
	}
	v.failed, v.expired = nil, nil
	v.schedule(j, e)
	soon := e.now.Add(spread(min(e.profile.wait(j.Attempts+1), noticeAgain), e.jitter))
	if soon.Before(v.outcome.Next) {
		v.outcome.Next = soon
	}
}

// unwarn takes back the mark of a warning that could not be made.
func (v *verdict) unwarn() {
	for _, i := range v.warned {
		v.recipients[i].Warned = false
	}
	v.warned = nil
}

// changes gives what differs from the job as it was claimed.
func (v *verdict) changes(j *spool.Job) []spool.RecipientChange {
	var out []spool.RecipientChange
	for i, r := range v.recipients {
		was := j.Recipients[i]
		if r.State == was.State && r.Reply == was.Reply && r.Remote == was.Remote && r.Warned == was.Warned {
			continue
		}
		out = append(out, spool.RecipientChange{N: r.N, State: r.State, Reply: r.Reply, Remote: r.Remote, Warned: r.Warned})
	}
	return out
}

// some gives the recipients of some indexes.
func (v *verdict) some(indexes []int) []spool.Recipient {
	out := make([]spool.Recipient, len(indexes))
	for i, n := range indexes {
		out[i] = v.recipients[n]
	}
	return out
}

// feedback is what a result says of the lane.
func (e ending) feedback() (Feedback, Failure) {
	switch {
	case e.cut || e.result.Hold || e.result.isUntried():
		return FeedbackNone, Failure{}
	case e.result.Unreachable:
		first := e.result.Recipients[0]
		return FeedbackUnreachable, Failure{Reply: first.Reply, Remote: first.Remote}
	}
	return FeedbackReached, Failure{}
}

// allWaiting is the result of an attempt that did not take place.
func allWaiting(j *spool.Job, why Failure) Result {
	res := Result{Unreachable: true}
	for _, r := range j.Recipients {
		res.Recipients = append(res.Recipients, RecipientResult{N: r.N, State: spool.Waiting, Reply: why.Reply, Remote: why.Remote})
	}
	return res
}
