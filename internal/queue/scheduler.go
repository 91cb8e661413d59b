package queue

import (
	"cmp"
	"container/heap"
	"maps"
	"slices"
	"time"

	"github.com/postroad/postroad/internal/spool"
)

const (
	scanEvery  = 30 * time.Second // hints may be lost; a scan finds what they told of
	scanSoon   = 5 * time.Second  // when the last one did not see everything
	scanAhead  = time.Minute      // dues later than this are left to a later scan
	scanLanes  = 10_000
	claimAgain = time.Second      // after a claim that failed
	laneMemory = 10 * time.Minute // how long the window of an idle lane is remembered
	expressMax = 8                // jobs claimed past a backlog at a time
	moreEvery  = 4                // of so many starts, one is for a lane that has some already
)

// Limits of a scheduler. Zero fields take the defaults.
type Limits struct {
	Attempts int // at once, over all lanes: 500
	Jobs     int // in memory, waiting for a slot or on their way: 10 000
	Lanes    int // in memory: 50 000
	Claims   int // at once: 8
}

func (l Limits) withDefaults() Limits {
	for _, f := range []struct {
		field *int
		value int
	}{{&l.Attempts, 500}, {&l.Jobs, 10_000}, {&l.Lanes, 50_000}, {&l.Claims, 8}} {
		if *f.field <= 0 {
			*f.field = f.value
		}
	}
	return l
}

// Scheduler says what is to be done next. It is pure: the time comes with each
// event and never goes back, randomness is given, it starts no goroutine and
// belongs to one. After each event, and at Wake, its caller takes actions by Next
// until there is none, and answers each once.
type Scheduler struct {
	limits      Limits
	connections func(transport string) int
	random      func() float64
	paused      func(spool.Lane) bool

	now      time.Time
	lanes    map[spool.Lane]*lane
	tenants  map[string]*tenant
	rings    [rings]turns
	timers   timers
	active   int // jobs on their way, until they are finished
	held     int // jobs in memory, the active ones included
	promised int // jobs that claims under way may bring
	claims   int // under way
	starts   int // for moreEvery
	awake    int // tenants with jobs in memory
	scanning bool
	scanAt   time.Time // of the next scan; zero while one is under way: it says when
	overflow bool      // a hint found no room
	asleep   int       // lanes with jobs asleep, by the last scan
	made     int       // lanes, ever
}

// NewScheduler makes a scheduler that begins with a scan. connections gives the
// most attempts at once to a lane of a transport; random gives numbers in [0,1).
func NewScheduler(l Limits, connections func(transport string) int, random func() float64) *Scheduler {
	s := &Scheduler{
		limits:      l.withDefaults(),
		connections: connections,
		random:      random,
		paused:      func(spool.Lane) bool { return false },
		lanes:       map[spool.Lane]*lane{},
		tenants:     map[string]*tenant{},
	}
	for i := range s.rings {
		s.rings[i].ring = i
	}
	return s
}

// Pausing says which lanes are paused; Configure says that they may be others now.
// It comes before the first event.
func (s *Scheduler) Pausing(paused func(spool.Lane) bool) { s.paused = paused }

// Hint says that a lane may have work.
func (s *Scheduler) Hint(now time.Time, h spool.Hint) {
	s.Tick(now)
	if h.Due.After(now.Add(scanAhead)) {
		return
	}
	l := s.lane(h.Lane)
	if l == nil {
		return
	}
	if h.Due.After(now) {
		l.expect(h.Due)
	} else {
		l.note(h.Due)
		if l.backlog {
			l.senders.note(h.Sender, h.Due)
		}
	}
	s.refresh(l)
}

// Kick says that a lane has work now and is to be tried even when it was dead.
func (s *Scheduler) Kick(now time.Time, key spool.Lane) {
	s.Tick(now)
	if l := s.lane(key); l != nil {
		l.window.revive()
		l.note(now)
		s.refresh(l)
	}
}

// Configure says that limits, profiles or pauses may have changed. Dead lanes get
// another chance, since hosts may have changed too.
func (s *Scheduler) Configure(now time.Time, limits Limits) {
	s.Tick(now)
	s.limits = limits.withDefaults()
	oldest := func(a, b *lane) int { return cmp.Compare(a.serial, b.serial) }
	for _, l := range slices.SortedFunc(maps.Values(s.lanes), oldest) { // a map has another order each time
		slept := l.window.dead || l.paused
		l.window.bound(s.connections(l.key.Transport))
		l.window.revive()
		l.paused = s.paused(l.key)
		l.backlog = l.backlog || slept
		s.refresh(l)
	}
	if s.asleep > 0 {
		s.rescan(s.now) // lanes that were paused need not be in memory
	}
}

// Lost says that hints were lost: the next scan comes at once.
func (s *Scheduler) Lost(now time.Time) {
	s.Tick(now)
	s.rescan(s.now)
}

// rescan wants a scan at a time or before. The one under way does not count: it may
// have passed already what is to be found.
func (s *Scheduler) rescan(at time.Time) {
	if s.scanning && s.scanAt.IsZero() || at.Before(s.scanAt) {
		s.scanAt = at
	}
}

// Claimed answers ActionClaim.
func (s *Scheduler) Claimed(now time.Time, a Action, jobs []spool.Job, err error) {
	s.Tick(now)
	s.claims--
	s.promised -= a.Max
	l := s.lanes[a.Lane]
	l.claiming = false
	l.used = now
	if err != nil {
		l.backlog, l.fresh = false, time.Time{} // due again then
		l.expect(now.Add(claimAgain))
	} else if a.From.IsZero() { // one for a lane asleep has not seen all that is due when it wakes meanwhile
		l.backlog = len(jobs) >= a.Max || a.Asleep && !l.asleep(now)
	}
	if !l.backlog {
		l.senders.clear()
	}
	for i := range jobs {
		s.wakeTenant(l.tenant)
		l.put(&jobs[i], a)
		s.held++
	}
	s.refresh(l)
}

// Scanned answers ActionScan.
func (s *Scheduler) Scanned(now time.Time, a Action, due []spool.LaneDue, err error) {
	s.Tick(now)
	s.makeRoom()
	s.overflow, s.asleep = false, 0
	for _, d := range due {
		if d.Asleep {
			s.asleep++
			if s.crowdedOut(d.Lane) {
				continue
			}
			if d.Due.After(now) && !s.restsUnseen(d.Lane) {
				d.Due = now // unless the lane sleeps, and the claim tells
			}
		}
		s.Hint(now, spool.Hint{Lane: d.Lane, Due: d.Due})
	}
	again := scanEvery
	if err != nil || len(due) >= a.Max || s.overflow {
		again = scanSoon
	}
	s.rescan(now.Add(again))
	s.scanning = false
}

// crowdedOut tells of a lane with jobs asleep that is not in memory, where the room
// is kept for lanes that do not sleep.
func (s *Scheduler) crowdedOut(key spool.Lane) bool {
	return s.lanes[key] == nil && len(s.lanes) >= s.deadRoom()
}

// restsUnseen tells of a lane that is paused and not in memory. It need not be there,
// where it would take the room of others, until its jobs are to be looked at.
func (s *Scheduler) restsUnseen(key spool.Lane) bool { return s.lanes[key] == nil && s.paused(key) }

// Ended says that the attempt of a start or a deferral is over: its place in the
// lane is free while its outcome is still being written. why is regarded with
// FeedbackUnreachable.
func (s *Scheduler) Ended(now time.Time, a Action, f Feedback, why Failure) {
	s.Tick(now)
	l := s.lanes[a.Job.Lane]
	l.active--
	l.tenant.active--
	l.used = now
	s.restTenant(l.tenant)
	switch f {
	case FeedbackReached:
		if l.window.dead {
			l.backlog = true // what slept is due
		}
		l.window.reached(l.active + 1)
	case FeedbackUnreachable:
		l.window.unreachable(now, why, s.random())
	}
	s.refresh(l)
}

// Finished answers ActionStart and ActionDefer, after Ended: the outcome is
// written, and the job is out of memory.
func (s *Scheduler) Finished(now time.Time, _ Action) {
	s.Tick(now)
	s.active--
	s.held--
}

// Tick says that time has passed.
func (s *Scheduler) Tick(now time.Time) {
	if now.After(s.now) {
		s.now = now
	}
	for len(s.timers) > 0 && !s.timers[0].wake.After(s.now) {
		l := s.timers[0]
		heap.Pop(&s.timers)
		if l.probing(s.now) {
			l.backlog = true // what sleeps, to make the probe with
		}
		s.refresh(l)
	}
}

// Wake is when Tick must be called although nothing happened.
func (s *Scheduler) Wake() time.Time {
	wake := s.scanAt
	if s.scanning {
		wake = s.now.Add(scanEvery)
	}
	if len(s.timers) > 0 && s.timers[0].wake.Before(wake) {
		wake = s.timers[0].wake
	}
	return wake
}
