package queue

import (
	"context"
	"errors"
	"time"

	"github.com/postroad/postroad/internal/spool"
)

const (
	updateFirst   = 100 * time.Millisecond // pause after an update that failed
	updateLongest = 5 * time.Second
)

// settle writes what became of an attempt: the notices that it causes, the ends
// of recipients and the schedule in one update, then the log.
func (t *try) settle(e ending) {
	v, drafts := t.decide(e)
	if t.update(v.outcome, drafts) {
		t.count(&v)
		t.report(&v, e)
	}
}

// decide judges an ending and makes the notices that it causes.
func (t *try) decide(e ending) (verdict, []spool.Draft) {
	v := judge(t.job, e)
	drafts := append(t.notices(&v, e), e.result.Spawn...)
	v.outcome.Changes = v.changes(t.job)
	return v, drafts
}

// notices makes the drafts of a verdict. Where the end of a recipient cannot be
// told, it does not end; where it may not be told, it ends without.
func (t *try) notices(v *verdict, e ending) []spool.Draft {
	var drafts []spool.Draft
	add := func(kind NoticeKind, which []int) bool {
		if len(which) == 0 || t.job.Sender.IsNull() {
			return true
		}
		d, err := t.notice(kind, v.some(which), e)
		if err != nil {
			t.stats.noticeErrors.Add(1)
			t.logger().Error("queue: a report cannot be made", "kind", int(kind), "error", err)
			return false
		}
		if d != nil {
			drafts = append(drafts, d)
			v.told = v.told || kind == NoticeFailed
		}
		return true
	}
	if !add(NoticeFailed, v.failed) {
		v.untell(t.job, e)
	}
	if !add(NoticeDelayed, v.warned) {
		v.unwarn()
	}
	// Who has the message must not get it twice for the sake of a confirmation.
	_ = add(v.confirm, v.confirmed)
	return drafts
}

// notice asks the notifier for one draft.
func (t *try) notice(kind NoticeKind, rcpts []spool.Recipient, e ending) (spool.Draft, error) {
	// The context of the attempt may have ended, and its end is to be told.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), time.Minute)
	defer cancel()
	if err := t.open(ctx); err != nil {
		return nil, err
	}
	n := Notice{Kind: kind, Envelope: t.env, Job: *t.job, Recipients: rcpts}
	n.Job.LastTry = e.now
	if kind == NoticeDelayed {
		n.WillRetryUntil = t.profile.Expiry(t.job.Arrived)
	}
	d, err := t.notify(ctx, n, t.body)
	if errors.Is(err, spool.ErrDamaged) {
		return t.notify(ctx, n, nil) // what cannot be read cannot be returned either
	}
	return d, err
}

// notify calls the notifier. What panics made no report: the attempt has been, and
// what was delivered must not go again.
func (t *try) notify(ctx context.Context, n Notice, body spool.Body) (d spool.Draft, err error) {
	defer func() {
		if p := recover(); p != nil {
			t.panicked("queue: panic in a report", p)
			d, err = nil, errPanic
		}
	}()
	return t.opt.Notifier.Notify(ctx, n, body)
}

// update writes an outcome and tells whether it stands. A store that is not
// available is asked until it is, since forgetting a delivery means making it
// twice.
func (t *try) update(o spool.Outcome, drafts []spool.Draft) bool {
	for wait := updateFirst; ; wait = min(2*wait, updateLongest) {
		stands, again := t.write(o, drafts)
		if !again {
			return stands
		}
		if !t.pause(wait) {
			t.lose(drafts, ErrStopped)
			return false
		}
	}
}

// write asks the store once to write an outcome: it stands, or is worth another
// try. A lost lease means that the job is another's, or gone.
func (t *try) write(o spool.Outcome, drafts []spool.Draft) (stands, again bool) {
	lease := t.lease.current()
	err := t.opt.Store.Update(context.WithoutCancel(t.ctx), lease, o, drafts)
	if err == nil {
		return true, false
	}
	t.stats.storeErrors.Add(1)
	if t.lease.replaced(lease, err) {
		return false, true
	}
	if errors.Is(err, spool.ErrFenced) || errors.Is(err, spool.ErrNotFound) || errors.Is(err, spool.ErrInvalid) {
		t.lose(drafts, err)
		return false, false
	}
	t.logger().Warn("queue: an outcome cannot be written yet", "error", err)
	return false, true
}

// lose gives back the drafts of an outcome that will not be written.
func (t *try) lose(drafts []spool.Draft, why error) {
	t.logger().Error("queue: an outcome is lost", "error", why)
	for _, d := range drafts {
		d.Abort()
	}
}

// pause waits, or tells that the runner ends.
func (t *try) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-t.ctx.Done():
		return false
	}
}

// giveBack ends the lease of a job that a panic left behind.
func (t *try) giveBack() {
	o := spool.Outcome{Uncount: true, Next: time.Now().Add(spread(openAgain, t.opt.Random()))}
	if err := t.opt.Store.Update(context.WithoutCancel(t.ctx), t.lease.current(), o, nil); err != nil {
		t.logger().Error("queue: a job cannot be put back", "error", err)
	}
}
