package queue

import (
	"context"
	"maps"
	"time"

	"github.com/postroad/postroad/internal/spool"
)

// What must not be exceeded while all is well.
const (
	steadyWait = 10 * time.Minute // of a due job whose host is up
	lightWait  = time.Minute      // of a light sender's mail behind a bulk
	laneWait   = time.Hour        // of any lane with due jobs, from one start to the next
	punctual   = 3 * time.Second  // of a lane's only job
	idleWait   = 10 * time.Second // of a due job while nothing happens in its lane; some claims may fail
)

// wakeWait is the longest sleep of a lane after its host is back.
const wakeWait = deadLongest + deadLongest/10

// prompt is how long nothing may happen in a lane that has a due job: who hears of
// all hints knows of it, and who does not finds it by a scan.
func (b *book) prompt() time.Duration {
	if b.nature.loss > 0 {
		return idleWait + scanEvery
	}
	return idleWait
}

// waits holds the wait of a due job that nobody has taken against what may keep
// it: its host, a full lane, a full process, a disturbance. A job asleep is also to
// be looked at in time, whatever its lane does.
func (b *book) waits(j *spool.Job) {
	p, now, h := b.process, time.Now(), b.hostOf(j.Lane)
	calm := latest(latest(b.calm.Add(scanEvery), p.crowded), p.lastEnd[j.Lane])
	if late := now.Sub(latest(j.Due, calm)); j.Asleep && p.inLane[j.Lane] == 0 && late > scanEvery+b.prompt() {
		b.failf("a job that sleeps in %v is looked at %v late", j.Lane, late)
	}
	if !h.up || h.kind == hostSlow {
		return
	}
	since := latest(latest(calm, p.lastOut[j.Lane]), h.changed.Add(wakeWait))
	if !j.Asleep {
		since = latest(since, j.Due)
	}
	late := now.Sub(since)
	if late > b.prompt() {
		b.failf("%v has a job due for %v, and nothing has happened there for %v", j.Lane, now.Sub(j.Due), late)
	}
	b.idle = max(b.idle, late)
}

// audit holds the store against the book, now and again.
func (w *world) audit() {
	w.book.compare()
	w.in(6*time.Hour, w.audit)
}

func (b *book) compare() {
	seen, jobs := map[string]bool{}, map[spool.Lane]int{}
	err := b.mem.Scan(context.Background(), spool.Filter{}, func(e spool.Entry) error {
		for _, r := range e.Job.Recipients {
			if r.State != spool.Waiting {
				continue
			}
			if p := b.of(r); p.state != spool.Waiting || seen[p.name] {
				b.failf("%s is in the store, ended as %d, seen before: %v", p.name, p.state, seen[p.name])
			}
			seen[b.of(r).name] = true
		}
		jobs[e.Job.Lane]++
		b.starves(&e.Job)
		return nil
	})
	maps.DeleteFunc(b.jobs, func(_ spool.Lane, n int) bool { return n == 0 })
	if !maps.Equal(jobs, b.jobs) {
		b.failf("jobs in the store: %v\nto be there: %v", jobs, b.jobs)
	}
	if err != nil || len(seen) != b.queued {
		b.failf("%d recipients in the store, %d to be there (%v)", len(seen), b.queued, err)
	}
}

// starves looks for jobs of which nobody thinks any more.
func (b *book) starves(j *spool.Job) {
	p, now := b.process, time.Now()
	if j.Held || p == nil || b.store.down != nothing || p.going[jobOf(j)] != nil {
		return
	}
	b.waits(j)
	if late := now.Sub(latest(latest(j.Due, b.calm), p.lastOut[j.Lane])); late > laneWait {
		b.failf("%v has a job that is %v late, and no start for so long", j.Lane, late)
	}
	if b.hostOf(j.Lane).kind == hostSteady && now.Sub(latest(j.Due, b.calm)) > steadyWait {
		b.failf("%v is up and has a job due for %v", j.Lane, now.Sub(j.Due))
	}
	if j.Due.After(latest(j.Arrived.Add(longestLife), now).Add(20 * time.Minute)) {
		b.failf("a job is to be tried in %v, %v after its arrival", j.Due.Sub(now), j.Due.Sub(j.Arrived))
	}
}

// closing checks that nothing is left of a life.
func (b *book) closing() {
	b.compare()
	if b.queued > 0 {
		b.failf("%d recipients have not ended", b.queued)
	}
	s := b.process.loop.sched
	if s.held != 0 || s.active != 0 || s.awake != 0 || s.promised != 0 || s.claims != 0 {
		b.failf("left over: held %d active %d awake %d promised %d claims %d", s.held, s.active, s.awake, s.promised, s.claims)
	}
	for _, d := range b.process.drafts {
		if !d.ended {
			b.failf("a report was neither written nor given back")
		}
	}
}

func recipientOf(j *spool.Job, n int) spool.Recipient {
	for _, r := range j.Recipients {
		if r.N == n {
			return r
		}
	}
	return spool.Recipient{}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
