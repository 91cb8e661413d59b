package queue

import (
	"slices"
	"time"

	"github.com/postroad/postroad/internal/spool"
)

// class orders the ready jobs of a lane.
type class uint8

const (
	classReport class = iota // null sender: DSNs and warnings
	classLight               // of a sender below its share, past a backlog
	classFresh               // small and never tried
	classSlow                // large, or tried before
	classes
)

// smallSize is the size up to which a message passes before large ones.
const smallSize = 64 << 10

// weightOf is how many jobs of a class go in a cycle, so that the last one moves
// too while the first never ends.
func weightOf(c class) int { return [classes]int{4, 4, 2, 1}[c] }

func classOf(j *spool.Job, a Action) class {
	switch {
	case j.Sender.IsNull():
		return classReport
	case a.Light:
		return classLight
	case j.Size <= smallSize && j.Attempts == 0:
		return classFresh
	}
	return classSlow
}

// tenant groups lanes that share one part of what there is.
type tenant struct {
	lanes  [rings]fifo[*lane]
	queued [rings]bool
	credit [rings]credit
	known  int // lanes in memory
	active int
	ready  int
}

// lane is what is known in memory of a spool.Lane.
type lane struct {
	key    spool.Lane
	serial int // lanes are numbered as they are made
	tenant *tenant
	window window
	paused bool
	used   time.Time

	ready  [classes]fifo[*spool.Job]
	turn   [classes]int // jobs that a class may still send in this cycle
	nready int
	active int

	claiming bool
	backlog  bool        // the last claim was full: more is due
	express  bool        // a claim past the backlog was made; the backlog comes next
	senders  senders     // of what came during the backlog
	fresh    time.Time   // oldest due of the hints that no claim has followed; zero: none
	dues     []time.Time // of hints to come, sorted, at most maxDues
	timer    int         // position in the heap of timers, -1: none
	wake     time.Time

	queued [rings]bool
	credit [rings]credit
}

// maxDues bounds what a lane remembers; a scan finds the rest.
const maxDues = 16

// expect notes that work comes at due.
func (l *lane) expect(due time.Time) {
	at, found := slices.BinarySearchFunc(l.dues, due, time.Time.Compare)
	if found || at == maxDues {
		return
	}
	if len(l.dues) == maxDues {
		l.dues = l.dues[:maxDues-1]
	}
	l.dues = slices.Insert(l.dues, at, due)
}

// note notes that work is due now, since due.
func (l *lane) note(due time.Time) {
	if l.fresh.IsZero() || due.Before(l.fresh) {
		l.fresh = due
	}
}

// mature turns the expected dues that have come into due work.
func (l *lane) mature(now time.Time) {
	n := 0
	for n < len(l.dues) && !l.dues[n].After(now) {
		l.note(l.dues[n])
		n++
	}
	l.dues = l.dues[n:]
	if len(l.dues) == 0 {
		l.dues = nil
	}
}

// asleep tells whether the lane's jobs are to be put off unattempted: it is dead
// or paused.
func (l *lane) asleep(now time.Time) bool { return l.paused || l.window.asleep(now) }

// why tells those jobs what keeps them.
func (l *lane) why() Failure {
	if l.paused {
		return Failure{Reply: pausedReply()}
	}
	return l.window.why
}

// slots is how many attempts may run at once, or deferrals while there are none.
func (l *lane) slots(now time.Time) int {
	if l.asleep(now) {
		return initialWindow
	}
	return l.window.slots(now)
}

// stock is how many ready jobs a lane should have: enough that slots never wait
// for a claim, and no more, because memory is shared. A probe goes alone: who
// came with it would be put off once more when it fails.
func (l *lane) stock(now time.Time) int {
	if l.probing(now) {
		return l.slots(now) - l.active
	}
	return 2*l.slots(now) + 4
}

// probing tells whether the next attempt finds out whether a dead lane is alive.
func (l *lane) probing(now time.Time) bool { return l.window.dead && !l.asleep(now) }

// wantsBacklog tells whether the lane should claim its oldest due jobs.
func (l *lane) wantsBacklog(now time.Time) bool {
	due := l.backlog || !l.fresh.IsZero()
	return due && l.nready < min(l.slots(now), l.stock(now))
}

// wantsFresh tells whether the lane should claim what came past its backlog.
func (l *lane) wantsFresh(now time.Time) bool {
	return l.backlog && !l.express && !l.fresh.IsZero() && !l.asleep(now) && l.nready < 2*l.stock(now)
}

// wantsLight tells whether the lane should claim what passes its backlog, which
// has its turn in between when it wants one.
func (l *lane) wantsLight(now time.Time) bool {
	return len(l.senders.light) > 0 && !l.asleep(now) && l.nready < 2*l.stock(now) && !(l.express && l.wantsBacklog(now))
}

// wantsClaim tells whether the lane should claim at all.
func (l *lane) wantsClaim(now time.Time) bool {
	return !l.claiming && (l.wantsBacklog(now) || l.wantsFresh(now) || l.wantsLight(now))
}

// startable tells whether a ready job may go.
func (l *lane) startable(now time.Time) bool {
	return l.nready > 0 && l.active < l.slots(now)
}

// put adds a ready job that a claim has brought.
func (l *lane) put(j *spool.Job, a Action) {
	l.ready[classOf(j, a)].push(j)
	l.nready++
	l.tenant.ready++
}

// head tells the class whose turn it is; there must be a ready job.
func (l *lane) head() class {
	for {
		for c := class(0); c < classes; c++ {
			if l.ready[c].len() > 0 && l.turn[c] > 0 {
				return c
			}
		}
		for c := range l.turn {
			l.turn[c] = weightOf(class(c))
		}
	}
}

// take gives the next ready job; there must be one.
func (l *lane) take() *spool.Job {
	c := l.head()
	l.turn[c]--
	l.nready--
	l.tenant.ready--
	return l.ready[c].pop()
}

// workless tells whether the lane has nothing to do, and nothing soon.
func (l *lane) workless() bool {
	return l.nready == 0 && l.active == 0 && !l.claiming && !l.backlog && l.fresh.IsZero() && len(l.dues) == 0
}

// idle tells whether nothing would be lost with the lane.
func (l *lane) idle(now time.Time) bool {
	return l.workless() && (l.window.plain() || now.Sub(l.used) > laneMemory)
}

// jobCost is what the start of a job costs: one for any, one more for each 64 KB.
func jobCost(l *lane) int {
	j := l.ready[l.head()].front()
	return 1 + int(min(j.Size/smallSize, 15))
}

// queuedAnywhere tells whether a ring still holds the lane.
func (l *lane) queuedAnywhere() bool {
	for _, q := range l.queued {
		if q {
			return true
		}
	}
	return false
}
