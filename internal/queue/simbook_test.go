package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

// book is the ledger of a life: every accepted recipient and what became of it,
// kept apart from the store and held against it.
type book struct {
	*world
	parcels map[string]*parcel // by local part of the recipient
	tickets map[job]*ticket
	jobs    map[spool.Lane]int
	since   map[spool.Lane]time.Time // when jobs of a lane came or went
	queued  int
	serial  int
}

// parcel is an accepted recipient.
type parcel struct {
	name     string
	from     mail.Path
	accepted bool
	state    spool.State
	refused  bool // by a 5xx
	took     int  // times a remote said 250
	spare    int  // times that this was forgotten by a crash
	told     int  // reports of failure
	warned   int  // reports of delay
}

// ticket is what is known of a job.
type ticket struct {
	attempts int       // that count
	before   time.Time // no attempt may come before
	light    bool
	arrived  time.Time
}

func newBook(w *world) *book {
	return &book{world: w, parcels: map[string]*parcel{}, tickets: map[job]*ticket{}, jobs: map[spool.Lane]int{},
		since: map[spool.Lane]time.Time{}}
}

// address makes a recipient that nobody else is.
func (b *book) address(h *host) spool.Recipient {
	b.serial++
	r := spool.Recipient{Final: mail.Address{Local: fmt.Sprint("r", b.serial), Domain: h.domain()}}
	if b.chance(0.1) {
		r.Notify = mail.NotifySuccess
	}
	b.parcels[r.Final.Local] = &parcel{name: r.Final.Local}
	return r
}

func (b *book) of(r spool.Recipient) *parcel { return b.parcels[r.Final.Local] }

func (b *book) ticket(k job) *ticket {
	t := b.tickets[k]
	if t == nil {
		t = &ticket{}
		b.tickets[k] = t
	}
	return t
}

// count counts jobs of a lane.
func (b *book) count(l spool.Lane, n int) {
	b.jobs[l] += n
	b.since[l] = time.Now()
}

// accepts says that the server is answerable for a recipient from now on.
func (b *book) accepts(r spool.Recipient, from mail.Path) {
	p := b.of(r)
	if p.accepted {
		b.failf("%s is accepted twice", p.name)
	}
	p.accepted, p.from = true, from
	b.recipients++
	b.queued++
}

// begins checks whether an attempt may begin.
func (b *book) begins(a Action) {
	j, t, now := a.Job, b.ticket(jobOf(a.Job)), time.Now()
	b.tell("begin %d %v %d %v attempt %d", a.Kind, j.Message, j.N, j.Lane, j.Attempts)
	for _, r := range j.Recipients {
		if one := b.of(r); !one.accepted || one.state != spool.Waiting && one.state != spool.Removed {
			b.failf("an attempt for %s, which has ended as %d", one.name, one.state)
		}
	}
	late := now.Sub(latest(j.Due, b.calm))
	if j.Asleep {
		late = 0 // Due is not what it waits for
	}
	well := b.nature.loss+b.nature.quirks == 0
	light := t.light && t.attempts == 0 && t.arrived.After(b.calm) && well
	steady := b.hostOf(j.Lane).kind == hostSteady
	switch {
	case j.Attempts != t.attempts:
		b.failf("%d attempts are counted of %d", j.Attempts, t.attempts)
	case now.Before(j.Due) && !j.Asleep || now.Before(t.before):
		b.failf("an attempt %v early, %v by the profile", j.Due.Sub(now), t.before.Sub(now))
	case b.hostOf(j.Lane).kind == hostShaky && a.Kind == ActionDefer:
		b.failf("%v reaches its host three times of four, and is taken for dead", j.Lane)
	case steady && a.Kind == ActionDefer:
		b.failf("%v is up and taken for dead", j.Lane)
	case steady && late > steadyWait:
		b.failf("%v is up, and a job is %v late", j.Lane, late)
	case well && late > punctual && b.jobs[j.Lane] == 1 && b.process.hasRoom() &&
		j.Due.After(latest(b.calm, b.since[j.Lane]).Add(2*scanAhead)):
		b.failf("the only job of %v is %v late", j.Lane, late)
	case light && late > lightWait:
		b.failf("the mail of a light sender is %v late", late)
	}
	b.waits(j)
	if steady {
		b.steady = max(b.steady, late)
	}
	if light {
		b.light = max(b.light, late)
	}
}

// hears notes what a remote said.
func (b *book) hears(e *errand, r spool.Recipient, res RecipientResult) {
	p := b.of(r)
	switch res.State {
	case spool.Delivered:
		e.took = append(e.took, p)
		if p.took++; p.took > 1+p.spare {
			b.failf("%s is delivered %d times, and a crash excuses %d", p.name, p.took, p.spare)
		}
		if p.took > 1 {
			b.duplicates++
		}
	case spool.Failed:
		p.refused = true
	}
}

// loses notes that nobody will write what became of an errand.
func (b *book) loses(e *errand) {
	for _, p := range e.took {
		p.spare++
	}
}

// settles notes an outcome that stands.
func (b *book) settles(e *errand, v verdict, drafts []spool.Draft) {
	b.accept(drafts)
	t := b.ticket(jobOf(e.job))
	if !v.outcome.Uncount {
		t.attempts++
	}
	successor := map[string]int{}
	for _, j := range v.outcome.Jobs {
		b.count(j.Lane, 1)
		for _, r := range j.Recipients {
			successor[r.Final.Local]++
		}
	}
	waiting := len(e.job.Recipients)
	for _, c := range v.outcome.Changes {
		if c.State == spool.Waiting {
			continue
		}
		waiting--
		p := b.of(recipientOf(e.job, c.N))
		if c.State == spool.Moved {
			if b.moved++; successor[p.name] != 1 {
				b.failf("%s moved into %d jobs", p.name, successor[p.name])
			}
			continue
		}
		b.ends(p, c.State)
		if c.State == spool.Failed {
			b.mayFail(e, p)
		}
	}
	b.tell("settled %v %d, %d of %d wait until %v", e.job.Message, e.job.N, waiting, len(e.job.Recipients), v.outcome.Next.Sub(b.end))
	if waiting == 0 {
		b.count(e.job.Lane, -1)
		delete(b.tickets, jobOf(e.job))
		return
	}
	b.schedules(e, v, t)
}

// schedules holds the next attempt against the profile.
func (b *book) schedules(e *errand, v verdict, t *ticket) {
	if v.outcome.Asleep {
		return
	}
	t.before = time.Time{}
	if v.outcome.Uncount {
		return
	}
	wait, end := e.profile.After, e.job.Arrived.Add(e.profile.GiveUp)
	if !e.met.Before(end) && !e.untold {
		b.failf("%v waits on, %v past its end", e.job.Message, e.met.Sub(end))
	}
	pause := e.profile.Then
	if t.attempts <= len(wait) {
		pause = wait[t.attempts-1]
	}
	most := latest(e.met.Add(pause+pause/10), e.asked)
	if e.untold {
		pause = min(pause, noticeAgain)
	}
	t.before = e.met.Add(pause - pause/10)
	if !e.untold {
		t.before = latest(t.before, e.asked)
	}
	if end.After(e.met) && t.before.After(end) {
		t.before = end
	}
	if next := v.outcome.Next; next.Before(t.before) || next.After(most) {
		b.failf("attempt %d is to come in %v, and the profile says %v to %v", t.attempts+1, next.Sub(e.met),
			t.before.Sub(e.met), most.Sub(e.met))
	}
}

// mayFail checks that a recipient may fail, and that who is to know it does.
func (b *book) mayFail(e *errand, p *parcel) {
	if end := e.job.Arrived.Add(e.profile.GiveUp); !p.refused && e.met.Before(end) {
		b.failf("%s is given up %v early", p.name, end.Sub(e.met))
	}
	want := 1
	if p.from.IsNull() || isMute(p.from) {
		want = 0
	}
	if p.told != want {
		b.failf("the failure of %s is told %d times, want %d", p.name, p.told, want)
	}
}

// accept takes the reports that went with an outcome.
func (b *book) accept(drafts []spool.Draft) {
	for _, d := range drafts {
		d := d.(*simDraft)
		d.ended = true
		b.reports++
		b.messages++
		b.count(d.lane, 1)
		b.accepts(d.to, mail.Path{})
		for _, p := range d.about {
			switch d.kind {
			case NoticeFailed:
				p.told++
			case NoticeDelayed:
				if p.warned++; p.warned > 1 {
					b.failf("the delay of %s is told twice", p.name)
				}
			}
		}
	}
}

func (b *book) ends(p *parcel, s spool.State) {
	if p.state != spool.Waiting {
		b.failf("%s ends as %d and again as %d", p.name, p.state, s)
	}
	p.state = s
	b.queued--
	switch s {
	case spool.Delivered:
		if b.delivered++; p.took == 0 {
			b.failf("%s is said to be delivered", p.name)
		}
	case spool.Failed:
		b.failed++
	case spool.Removed:
		b.removed++
	}
}

// changes notes what an administrator does.
func (b *book) changes(f spool.Filter, a spool.Action) {
	err := b.mem.Scan(context.Background(), f, func(e spool.Entry) error {
		k := jobOf(&e.Job)
		switch a {
		case spool.ActionRetry:
			b.ticket(k).before = time.Time{}
		case spool.ActionRemove:
			b.count(e.Job.Lane, -1)
			for _, r := range e.Job.Recipients {
				if r.State == spool.Waiting {
					b.ends(b.of(r), spool.Removed)
				}
			}
		}
		return nil
	})
	if err != nil {
		b.failf("scan: %v", err)
	}
}
