package queue

import (
	"reflect"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

func TestProfile(t *testing.T) {
	p := Profile{After: []time.Duration{time.Minute, 5 * time.Minute}, Then: time.Hour, GiveUp: 2 * time.Hour}
	cases := []struct {
		name    string
		profile Profile
		age     time.Duration
		attempt int
		jitter  float64
		want    time.Duration // from now
	}{
		{"after the first", p, 0, 1, 0.5, time.Minute},
		{"after the second", p, 0, 2, 0.5, 5 * time.Minute},
		{"then", p, 0, 3, 0.5, time.Hour},
		{"jitter takes a tenth at most", p, 0, 1, 0, 54 * time.Second},
		{"the last attempt falls on the expiry", p, 90 * time.Minute, 9, 0.5, 30 * time.Minute},
		{"no attempt is left, but notices were not made", p, 3 * time.Hour, 9, 0.5, time.Hour},
		{"defaults", Profile{}, 0, 1, 0.5, time.Hour},
		{"defaults give up after five days", Profile{}, 5*24*time.Hour - time.Minute, 99, 0.5, time.Minute},
	}
	for _, c := range cases {
		got := c.profile.next(epoch, epoch.Add(-c.age), c.attempt, c.jitter).Sub(epoch)
		if got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// judged is what a test says of a verdict, by recipient number.
type judged struct {
	failed, expired, warned, confirmed []int
	confirm                            NoticeKind
	next                               time.Duration
	held, uncount                      bool
}

func TestJudge(t *testing.T) {
	profile := Profile{After: []time.Duration{time.Minute}, Then: time.Hour, Warn: 4 * time.Hour, GiveUp: 24 * time.Hour}
	sender := mail.Path{Address: mail.Address{Local: "s", Domain: "s.example"}}
	const w, d, f = spool.Waiting, spool.Delivered, spool.Failed
	cases := []struct {
		name   string
		states []spool.State
		age    time.Duration
		edit   func(*spool.Job, *ending)
		want   judged
	}{
		{"delivered", []spool.State{d}, 0, nil, judged{}},
		{"mixed", []spool.State{d, f, w}, 0, nil, judged{failed: []int{1}, next: time.Minute}},
		{"warned once past warn", []spool.State{w, w}, 4 * time.Hour,
			func(j *spool.Job, _ *ending) { j.Recipients[0].Warned = true; j.Attempts = 3 }, judged{warned: []int{1}, next: time.Hour}},
		{"not warned before", []spool.State{w}, 4*time.Hour - 1, nil, judged{next: time.Minute}},
		{"no warning in the profile", []spool.State{w}, 5 * time.Hour,
			func(_ *spool.Job, e *ending) { e.profile.Warn = 0 }, judged{next: time.Minute}},
		{"expired", []spool.State{w, d, f}, 24 * time.Hour, nil, judged{failed: []int{0, 2}, expired: []int{0}}},
		{"expired is not warned", []spool.State{w}, 25 * time.Hour, nil, judged{failed: []int{0}, expired: []int{0}}},
		{"cut short", []spool.State{w, d}, 25 * time.Hour,
			func(_ *spool.Job, e *ending) { e.cut = true }, judged{uncount: true}},
		{"the remote asks for a later attempt", []spool.State{w, d}, 0,
			func(_ *spool.Job, e *ending) { e.result.NotBefore = e.now.Add(3 * time.Hour) }, judged{next: 3 * time.Hour}},
		{"the remote asks for an earlier one than ours", []spool.State{w}, 0,
			func(_ *spool.Job, e *ending) { e.result.NotBefore = e.now.Add(time.Second) }, judged{next: time.Minute}},
		{"the remote asks for one behind the expiry", []spool.State{w}, 23 * time.Hour,
			func(j *spool.Job, e *ending) {
				j.Recipients[0].Warned = true
				e.result.NotBefore = e.now.Add(48 * time.Hour)
			}, judged{next: time.Hour}},
		{"held", []spool.State{w}, 25 * time.Hour,
			func(_ *spool.Job, e *ending) { e.result.Hold = true }, judged{held: true, uncount: true, warned: []int{0}}},
		{"confirmed as relayed", []spool.State{d, d}, 0,
			func(j *spool.Job, _ *ending) { j.Recipients[1].Notify = mail.NotifySuccess }, judged{confirmed: []int{1}}},
		{"confirmed as delivered", []spool.State{d}, 0, func(j *spool.Job, e *ending) {
			j.Recipients[0].Notify = mail.NotifySuccess | mail.NotifyFailure
			e.result.Final = true
		}, judged{confirmed: []int{0}, confirm: NoticeDelivered}},
		{"the next host confirms", []spool.State{d}, 0, func(j *spool.Job, e *ending) {
			j.Recipients[0].Notify = mail.NotifySuccess
			e.result.DSNCapable = true
		}, judged{}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			j := &spool.Job{Arrived: epoch.Add(-c.age), Sender: sender}
			e := ending{now: epoch, jitter: 0.5, profile: profile}
			for i, s := range c.states {
				j.Recipients = append(j.Recipients, spool.Recipient{N: i})
				e.result.Recipients = append(e.result.Recipients, RecipientResult{N: i, State: s})
			}
			if c.edit != nil {
				c.edit(j, &e)
			}
			v := judge(j, e)
			got := judged{failed: v.failed, expired: v.expired, warned: v.warned, confirmed: v.confirmed,
				held: v.outcome.Held, uncount: v.outcome.Uncount}
			if v.confirm != NoticeRelayed {
				got.confirm = v.confirm
			}
			if c.want.confirm == NoticeFailed && !e.result.Final {
				c.want.confirm = NoticeFailed
			}
			if !v.outcome.Next.IsZero() {
				got.next = v.outcome.Next.Sub(epoch)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestJudgeKeepsWhatWasSaid(t *testing.T) {
	busy := mail.Reply{Code: 450, Enhanced: "4.2.0", Text: "greylisted"}
	j := &spool.Job{Arrived: epoch, Recipients: []spool.Recipient{{N: 3, Reply: busy, Remote: "mx.example"}, {N: 5}}}
	t.Run("a recipient without a result waits as before", func(t *testing.T) {
		v := judge(j, ending{now: epoch, profile: Profile{}})
		if r := v.recipients[0]; r.State != spool.Waiting || r.Reply != busy {
			t.Errorf("%+v", r)
		}
		if c := v.changes(j); len(c) != 0 {
			t.Errorf("changes %+v", c)
		}
	})
	t.Run("an attempt that was cut short has nothing to say", func(t *testing.T) {
		res := Result{Recipients: []RecipientResult{{N: 3, Reply: mail.Reply{Code: 451, Text: "stopping"}}}}
		v := judge(j, ending{now: epoch, result: res, cut: true})
		if v.recipients[0].Reply != busy {
			t.Errorf("%+v", v.recipients[0])
		}
	})
	t.Run("the verdict of expiry is ours and tells the last words", func(t *testing.T) {
		v := judge(j, ending{now: epoch.Add(6 * 24 * time.Hour)})
		want := mail.Reply{Code: 554, Enhanced: "5.4.7", Text: "delivery time expired\nmx.example said at last: 450 4.2.0 greylisted"}
		if r := v.recipients[0]; r.Reply != want || r.Remote != "" || r.State != spool.Failed {
			t.Errorf("%+v", r)
		}
		if c := v.changes(j); len(c) != 2 || c[1].N != 5 || c[1].Reply.Text != "delivery time expired" {
			t.Errorf("changes %+v", c)
		}
	})
	if j.Recipients[0].State != spool.Waiting || j.Recipients[0].Reply != busy {
		t.Error("judge changed the job")
	}
}

func TestUntold(t *testing.T) {
	j := &spool.Job{Arrived: epoch, Recipients: []spool.Recipient{{N: 0}, {N: 1}}}
	res := Result{Recipients: []RecipientResult{{N: 0, State: spool.Failed}, {N: 1}}}
	e := ending{now: epoch.Add(time.Hour), result: res, jitter: 0.5, profile: Profile{Warn: time.Minute}}
	v := judge(j, e)
	v.untell(j, e)
	v.unwarn()
	if len(v.failed) != 0 || v.recipients[0].State != spool.Waiting || v.recipients[1].Warned {
		t.Errorf("%+v", v)
	}
	// Sooner than the profile's hour.
	if want := e.now.Add(noticeAgain); !v.outcome.Next.Equal(want) {
		t.Errorf("next %v, want %v", v.outcome.Next, want)
	}
}

// TestUntoldAsleep: who gives up while his lane sleeps, and cannot be told of, sleeps on;
// there was no attempt to count.
func TestUntoldAsleep(t *testing.T) {
	j := &spool.Job{Arrived: epoch, Recipients: []spool.Recipient{{N: 0}}}
	e := ending{now: epoch.Add(time.Hour), result: allWaiting(j, Failure{}), asleep: true, jitter: 0.5, profile: Profile{GiveUp: time.Minute}}
	v := judge(j, e)
	v.untell(j, e)
	want := spool.Outcome{Next: e.now.Add(noticeAgain), Uncount: true, Asleep: true}
	if got := v.outcome; v.recipients[0].State != spool.Waiting || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
