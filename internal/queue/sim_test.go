package queue

import (
	"cmp"
	"container/heap"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

// TestSimulation runs days of queue life in virtual time: hosts come and go,
// hints get lost, claims fail. The promises are checked as it goes; a seed
// replays exactly.
func TestSimulation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, rapid.Uint64().Draw(t, "seed"))
		w.limits = Limits{
			Attempts: rapid.IntRange(5, 40).Draw(t, "attempts"),
			Jobs:     rapid.IntRange(40, 400).Draw(t, "jobs"),
			Claims:   rapid.IntRange(1, 4).Draw(t, "claims"),
		}
		w.live(rapid.IntRange(1, 25).Draw(t, "hosts"), rapid.IntRange(1, 400).Draw(t, "mails"))
	})
}

// TestSimulationReplays: the same seed gives the same life.
func TestSimulationReplays(t *testing.T) {
	for seed := range uint64(5) {
		var lives [2]string
		for i := range lives {
			w := newWorld(t, seed)
			w.limits = Limits{Attempts: 10, Jobs: 50, Claims: 2}
			w.live(8, 60)
			lives[i] = fmt.Sprint(w.story)
		}
		if lives[0] != lives[1] {
			t.Fatalf("two lives of seed %d differ", seed)
		}
	}
}

const simConnections = 8

// world is a store, hosts and a clock around a scheduler.
type world struct {
	t       rapid.TB
	rnd     *rand.Rand
	s       *Scheduler
	limits  Limits
	profile Profile
	now     time.Time
	agenda  agenda
	seq     int
	hosts   []*host
	active  int
	claims  int
	ended   int
	nextDue time.Time // of the Tick on the agenda
	story   []string
}

// host is the far end of a lane.
type host struct {
	lane   spool.Lane
	up     bool
	steady bool          // never down, never refuses
	takes  time.Duration // an attempt
	jobs   []*simJob
	active int
}

type simJob struct {
	spool.Job
	claimed, going, ended bool
	refused               bool // by a 5xx
	last                  time.Time
	before                time.Time // no attempt may come before
}

type appointment struct {
	at  time.Time
	seq int
	do  func()
}

type agenda []appointment

func (a agenda) Len() int      { return len(a) }
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a agenda) Less(i, j int) bool {
	return cmp.Or(a[i].at.Compare(a[j].at), cmp.Compare(a[i].seq, a[j].seq)) < 0
}
func (a *agenda) Push(x any) { *a = append(*a, x.(appointment)) }
func (a *agenda) Pop() any {
	last := len(*a) - 1
	x := (*a)[last]
	*a = (*a)[:last]
	return x
}

func newWorld(t rapid.TB, seed uint64) *world {
	return &world{
		t:   t,
		rnd: rand.New(rand.NewPCG(seed, 1)),
		now: epoch,
		profile: Profile{
			After: []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute}, Then: time.Hour,
			Warn: 4 * time.Hour, GiveUp: 24 * time.Hour,
		},
	}
}

// live lets mails arrive for half a day and waits until all must have ended.
func (w *world) live(hosts, mails int) {
	w.s = NewScheduler(w.limits, func(string) int { return simConnections }, w.rnd.Float64)
	w.limits = w.s.limits
	for i := range hosts {
		w.hosts = append(w.hosts, w.host(i))
	}
	for left := mails; left > 0; {
		burst := min(left, 1+w.rnd.IntN(30))
		left -= burst
		h := w.hosts[w.rnd.IntN(hosts)]
		w.in(time.Duration(w.rnd.Int64N(int64(12*time.Hour))), func() {
			for range burst {
				w.arrive(h)
			}
		})
	}
	w.pump()
	end := epoch.Add(12*time.Hour + w.profile.GiveUp + time.Hour)
	for len(w.agenda) > 0 && w.agenda[0].at.Before(end) {
		a := heap.Pop(&w.agenda).(appointment)
		w.now = a.at
		a.do()
		w.pump()
	}
	if w.ended != mails {
		w.t.Fatalf("%d of %d mails have ended after their time", w.ended, mails)
	}
	if w.s.held != 0 || w.s.active != 0 || w.s.awake != 0 || w.s.promised != 0 {
		w.t.Fatalf("left over: held %d active %d awake %d promised %d", w.s.held, w.s.active, w.s.awake, w.s.promised)
	}
}

func (w *world) in(d time.Duration, do func()) {
	w.seq++
	heap.Push(&w.agenda, appointment{w.now.Add(d), w.seq, do})
}

func (w *world) chance(p float64) bool { return w.rnd.Float64() < p }

func (w *world) host(i int) *host {
	h := &host{
		lane:   spool.Lane{Tenant: fmt.Sprint("t", i%3), Transport: "mx", Nexthop: fmt.Sprint("h", i)},
		up:     true,
		steady: i%3 == 0,
		takes:  time.Duration(1+w.rnd.IntN(5)) * time.Second,
	}
	if !h.steady {
		w.in(time.Duration(w.rnd.Int64N(int64(8*time.Hour))), func() { w.turn(h) })
	}
	return h
}

// turn takes a host down or brings it back, for minutes or for days.
func (w *world) turn(h *host) {
	h.up = !h.up
	w.in(time.Duration(float64(time.Hour)*w.rnd.ExpFloat64()*5), func() { w.turn(h) })
}

func (w *world) arrive(h *host) {
	j := &simJob{Job: spool.Job{
		N: len(h.jobs), Lane: h.lane, Arrived: w.now, Due: w.now, Size: int64(w.rnd.IntN(300_000)),
		Sender:     mail.Path{Address: mail.Address{Local: "s", Domain: "s.example"}},
		Recipients: []spool.Recipient{{}},
	}, before: w.now}
	h.jobs = append(h.jobs, j)
	w.hint(j)
}

func (w *world) hint(j *simJob) {
	if w.chance(0.9) {
		w.s.Hint(w.now, spool.Hint{Lane: j.Lane, Due: j.Due})
	}
}

// pump does what the scheduler wants, and asks to be woken when it wants.
func (w *world) pump() {
	for {
		a, ok := w.s.Next(w.now)
		if !ok {
			break
		}
		switch a.Kind {
		case ActionClaim:
			if w.claims++; w.claims > w.limits.Claims {
				w.t.Fatalf("%d claims at once", w.claims)
			}
			w.in(time.Millisecond, func() { w.claim(a) })
		case ActionScan:
			w.in(5*time.Millisecond, func() { w.scan(a) })
		default:
			w.begin(a)
		}
	}
	if w.s.held+w.s.promised > w.limits.Jobs {
		w.t.Fatalf("%d jobs in memory and %d to come, limit %d", w.s.held, w.s.promised, w.limits.Jobs)
	}
	wake := w.s.Wake()
	if !wake.After(w.now) {
		w.t.Fatalf("wants to be woken at %v, now is %v", wake, w.now)
	}
	if w.nextDue.After(w.now) && !wake.Before(w.nextDue) {
		return
	}
	w.nextDue = wake
	w.in(wake.Sub(w.now), func() { w.s.Tick(w.now) })
}

func (w *world) hostOf(lane spool.Lane) *host {
	i := slices.IndexFunc(w.hosts, func(h *host) bool { return h.lane == lane })
	return w.hosts[i]
}

func (w *world) claim(a Action) {
	w.claims--
	if w.chance(0.02) {
		w.s.Claimed(w.now, a, nil, errors.New("not now"))
		return
	}
	due := w.due(w.hostOf(a.Lane), a.From, a.Before)
	var jobs []spool.Job
	for _, j := range due[:min(len(due), a.Max)] {
		j.claimed = true
		jobs = append(jobs, j.Job)
	}
	w.s.Claimed(w.now, a, jobs, nil)
}

func (w *world) due(h *host, from, before time.Time) []*simJob {
	var out []*simJob
	for _, j := range h.jobs {
		if !j.claimed && !j.ended && !j.Due.Before(from) && !j.Due.After(before) {
			out = append(out, j)
		}
	}
	slices.SortStableFunc(out, func(a, b *simJob) int { return a.Due.Compare(b.Due) })
	return out
}

func (w *world) scan(a Action) {
	var out []spool.LaneDue
	for _, h := range w.hosts {
		if due := w.due(h, time.Time{}, a.Before); len(due) > 0 {
			out = append(out, spool.LaneDue{Lane: h.lane, Due: due[0].Due, Jobs: len(due)})
		}
	}
	slices.SortStableFunc(out, func(a, b spool.LaneDue) int { return a.Due.Compare(b.Due) })
	w.s.Scanned(w.now, a, out[:min(len(out), a.Max)], nil)
}

// begin begins an attempt or a deferral, and checks whether it may.
func (w *world) begin(a Action) {
	h := w.hostOf(a.Job.Lane)
	j := h.jobs[a.Job.N]
	h.active++
	w.active++
	switch {
	case j.going || j.ended || !j.claimed:
		w.t.Fatalf("job %d of %s goes twice", j.N, h.lane.Nexthop)
	case h.active > simConnections || w.active > w.limits.Attempts:
		w.t.Fatalf("%d at once to %s, %d in all", h.active, h.lane.Nexthop, w.active)
	case w.now.Before(j.before):
		w.t.Fatalf("job %d of %s goes %v too early", j.N, h.lane.Nexthop, j.before.Sub(w.now))
	case h.steady && w.now.Sub(j.Due) > 10*time.Minute:
		w.t.Fatalf("job %d of %s, which is up, is %v late", j.N, h.lane.Nexthop, w.now.Sub(j.Due))
	case a.Kind == ActionDefer && h.steady:
		w.t.Fatalf("%s is up and taken for dead", h.lane.Nexthop)
	}
	j.going = true
	takes := h.takes
	if a.Kind == ActionDefer {
		takes = time.Millisecond
	} else if !h.up {
		takes = 30 * time.Second
	}
	w.in(takes, func() { w.finish(a, h, j) })
}

// finish settles as the runner does, with the same judge.
func (w *world) finish(a Action, h *host, j *simJob) {
	res := w.result(a, h, j)
	e := ending{result: res, now: w.now, jitter: w.rnd.Float64(), profile: w.profile}
	v := judge(&j.Job, e)
	h.active--
	w.active--
	j.going, j.claimed = false, false
	j.Attempts++
	j.Recipients = v.recipients
	w.story = append(w.story, fmt.Sprint(w.now.Sub(epoch), h.lane.Nexthop, j.N, a.Kind, v.recipients[0].State))
	expiry := w.profile.expiry(j.Arrived)
	switch v.recipients[0].State {
	case spool.Waiting:
		j.Due = v.outcome.Next
		j.before = slices.MinFunc([]time.Time{w.now.Add(w.profile.wait(j.Attempts) * 9 / 10), expiry}, time.Time.Compare)
		w.hint(j)
	case spool.Failed:
		if !j.refused && w.now.Before(expiry) {
			w.t.Fatalf("given up after %v", w.now.Sub(j.Arrived))
		}
		fallthrough
	default:
		j.ended = true
		w.ended++
	}
	f, why := e.feedback()
	if a.Kind == ActionDefer {
		f = FeedbackNone
	}
	w.s.Ended(w.now, a, f, why)
	w.in(time.Duration(1+w.rnd.IntN(5))*time.Millisecond, func() { w.s.Finished(w.now, a) })
}

func (w *world) result(a Action, h *host, j *simJob) Result {
	r := RecipientResult{State: spool.Delivered, Reply: mail.Reply{Code: 250}}
	switch {
	case a.Kind == ActionDefer:
		return allWaiting(&j.Job, a.Failure)
	case !h.up:
		r.State, r.Reply = spool.Waiting, mail.Reply{Code: 451, Text: "no answer"}
		return Result{Recipients: []RecipientResult{r}, Unreachable: true}
	case h.steady:
	case w.chance(0.2):
		r.State, r.Reply = spool.Waiting, mail.Reply{Code: 450}
	case w.chance(0.05):
		j.refused = true
		r.State, r.Reply = spool.Failed, mail.Reply{Code: 550}
	}
	return Result{Recipients: []RecipientResult{r}}
}
