package queue_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/spool"
)

func TestBounce(t *testing.T) {
	cases := []struct {
		name   string
		job    spool.Job
		mute   bool
		notice int
		want   queue.Stats
	}{
		{"with a report", spool.Job{Sender: sender}, false, 1, queue.Stats{Failed: 1, Bounced: 1, Delivered: 1}},
		{"nobody wants it", spool.Job{Sender: sender}, true, 1, queue.Stats{Failed: 1}},
		{"a report that fails ends", spool.Job{}, false, 0, queue.Stats{Failed: 1, Dropped: 1}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := setup(t, nil)
				b.mute = c.mute
				b.deliver = answer(func(_ context.Context, a queue.Attempt) queue.Result { return all(a, spool.Failed, 550) })
				c.job.Lane = lane("a.example")
				b.mail(c.job)
				synctest.Wait()
				b.stop()
				s := b.runner.Stats()
				s.Lanes = 0
				if s != c.want || len(b.notices) != c.notice || len(b.left()) != 0 {
					t.Errorf("stats %+v, %d notices, left %v", s, len(b.notices), b.left())
				}
			})
		})
	}
}

// TestReportThatCannotBeMade: the recipient does not end before its end can be
// told.
func TestReportThatCannotBeMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, nil)
		defer b.stop()
		b.noNotice = errors.New("tables do not answer")
		b.deliver = answer(func(_ context.Context, a queue.Attempt) queue.Result { return all(a, spool.Failed, 550) })
		b.mail(spool.Job{Lane: lane("a.example"), Sender: sender})
		pass(90 * time.Second)
		if n := b.left()["a.example"]; n != 1 || len(b.attempts) != 2 {
			t.Fatalf("%d jobs left after %d attempts, want it kept and tried again in a minute", n, len(b.attempts))
		}
		b.mu.Lock()
		b.noNotice = nil
		b.mu.Unlock()
		pass(5 * time.Minute)
		if len(b.notices) != 1 || len(b.left()) != 0 {
			t.Errorf("%d notices, left %v", len(b.notices), b.left())
		}
		if s := b.runner.Stats(); s.NoticeErrors != 2 || s.Failed != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestConfirmations(t *testing.T) {
	cases := []struct {
		name   string
		result queue.Result
		want   []queue.NoticeKind
	}{
		{"relayed to a host without DSN", queue.Result{}, []queue.NoticeKind{queue.NoticeRelayed}},
		{"delivered for good", queue.Result{Final: true}, []queue.NoticeKind{queue.NoticeDelivered}},
		{"an alias passed it on", queue.Result{Final: true, Expanded: true}, []queue.NoticeKind{queue.NoticeExpanded}},
		{"the next host takes over", queue.Result{DSNCapable: true}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := setup(t, nil)
				b.deliver = answer(func(_ context.Context, a queue.Attempt) queue.Result {
					res := all(a, spool.Delivered, 250)
					res.Final, res.Expanded, res.DSNCapable = c.result.Final, c.result.Expanded, c.result.DSNCapable
					return res
				})
				b.mail(spool.Job{Lane: lane("a.example"), Sender: sender, Recipients: []spool.Recipient{
					{Final: sender.Address, Notify: mail.NotifySuccess}, {Final: sender.Address}}})
				synctest.Wait()
				b.stop()
				var got []queue.NoticeKind
				for _, n := range b.notices {
					got = append(got, n.Kind)
					if len(n.Recipients) != 1 {
						t.Errorf("%d recipients in the notice, one asked", len(n.Recipients))
					}
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("notices %v, want %v", got, c.want)
				}
			})
		})
	}
}

// TestWarningThatCannotBeMade: it goes out with a later attempt.
func TestWarningThatCannotBeMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, nil)
		defer b.stop()
		b.noNotice = errors.New("tables do not answer")
		b.deliver = answer(func(_ context.Context, a queue.Attempt) queue.Result { return all(a, spool.Waiting, 450) })
		b.mail(spool.Job{Lane: lane("a.example"), Sender: sender})
		pass(6 * time.Hour)
		b.mu.Lock()
		b.noNotice = nil
		b.mu.Unlock()
		pass(15 * time.Hour)
		if len(b.notices) != 1 || b.told[0] != 9*time.Hour+21*time.Minute {
			t.Errorf("%d notices at %v, want one at the second attempt past warn", len(b.notices), b.told)
		}
	})
}

// TestUnreadableBodyIsNotReturned: the sender is told all the same.
func TestUnreadableBodyIsNotReturned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, nil)
		defer b.stop()
		b.noNotice = spool.ErrDamaged
		b.deliver = answer(func(_ context.Context, a queue.Attempt) queue.Result { return all(a, spool.Failed, 550) })
		b.mail(spool.Job{Lane: lane("a.example"), Sender: sender})
		synctest.Wait()
		if len(b.notices) != 1 || len(b.left()) != 0 {
			t.Errorf("%d notices, left %v", len(b.notices), b.left())
		}
	})
}

// TestPanicOverAReport: what was delivered is not delivered again since its
// confirmation cannot be made, and a recipient does not end without its report.
func TestPanicOverAReport(t *testing.T) {
	for _, c := range []struct {
		state spool.State
		tries int // of the mail and of its report
		want  queue.Stats
	}{
		{spool.Delivered, 1, queue.Stats{Delivered: 1, NoticeErrors: 1, Panics: 1}},
		{spool.Failed, 3, queue.Stats{Deferred: 1, Failed: 1, Bounced: 1, Delivered: 1, NoticeErrors: 1, Panics: 1}},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := setup(t, nil)
			defective := true
			b.wrap = func(d spool.Draft) spool.Draft {
				if !defective {
					return d
				}
				defective = false
				d.Abort()
				panic("a defect")
			}
			b.deliver = answer(func(_ context.Context, a queue.Attempt) queue.Result { return all(a, c.state, 250) })
			b.mail(spool.Job{Lane: lane("a.example"), Sender: sender, Recipients: []spool.Recipient{
				{Final: sender.Address, Notify: mail.NotifySuccess}}})
			pass(time.Hour)
			b.stop()
			s := b.runner.Stats()
			s.Lanes = 0
			if s != c.want || len(b.attempts) != c.tries || len(b.left()) != 0 {
				t.Errorf("stats %+v after %d attempts, left %v", s, len(b.attempts), b.left())
			}
		})
	}
}
