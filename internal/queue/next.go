package queue

import (
	"time"

	"github.com/postroad/postroad/internal/spool"
)

// Next gives an action to be done, or false when there is none now.
func (s *Scheduler) Next(now time.Time) (Action, bool) {
	s.Tick(now)
	if a, ok := s.nextStart(); ok {
		return a, true
	}
	if a, ok := s.nextClaim(); ok {
		return a, true
	}
	if !s.scanning && !s.now.Before(s.scanAt) {
		s.scanning, s.scanAt = true, time.Time{}
		// Lanes with jobs asleep are always listed, and must not hide the others:
		// while a list has no others, the next one is longer by far.
		return Action{Kind: ActionScan, Before: s.now.Add(scanAhead), Max: scanLanes + 2*s.asleep}, true
	}
	return Action{}, false
}

// nextStart sends a ready job on its way.
func (s *Scheduler) nextStart() (Action, bool) {
	l := s.pickStart()
	if l == nil {
		return Action{}, false
	}
	j := l.take()
	l.active++
	l.tenant.active++
	s.active++
	s.starts++
	a := Action{Kind: ActionStart, Lane: l.key, Job: j}
	if l.asleep(s.now) {
		a.Kind, a.Failure = ActionDefer, l.why()
	}
	s.refresh(l)
	return a, true
}

// pickStart chooses a lane. A tenant that has its share of the slots lets the
// others pass first.
func (s *Scheduler) pickStart() *lane {
	if s.active >= s.limits.Attempts {
		return nil
	}
	share := max(1, s.limits.Attempts/max(1, s.awake))
	if s.awake > 1 {
		if l := s.startWhere(func(te *tenant) bool { return te.active >= share }); l != nil {
			return l
		}
	}
	return s.startWhere(func(*tenant) bool { return false })
}

// startWhere chooses a lane of the tenants that are not to be skipped. Lanes
// without an attempt go first, but not always; the last tenth of the slots is
// theirs alone, so that a mail for an idle lane never waits for the slow ones.
func (s *Scheduler) startWhere(skip func(*tenant) bool) *lane {
	more := s.limits.Attempts-s.active > s.limits.Attempts/10
	if more && s.starts%moreEvery == 0 {
		if l := s.startFrom(startMore, skip); l != nil {
			return l
		}
	}
	if l := s.startFrom(startFirst, skip); l != nil || !more {
		return l
	}
	return s.startFrom(startMore, skip)
}

func (s *Scheduler) startFrom(ring int, skip func(*tenant) bool) *lane {
	return s.rings[ring].next(asks{
		fits: func(l *lane) bool { return l.startable(s.now) && (l.active == 0) == (ring == startFirst) },
		cost: jobCost,
		skip: skip,
	})
}

func (s *Scheduler) claimFrom(ring int) *lane {
	return s.rings[ring].next(asks{
		fits: func(l *lane) bool {
			return l.wantsClaim(s.now) && (l.nready+l.active == 0) == (ring == claimFirst)
		},
		cost: func(*lane) int { return 1 },
		skip: func(*tenant) bool { return false },
	})
}

// nextClaim fetches jobs for a lane. As with slots, the last tenth of the memory
// is for lanes that have none.
func (s *Scheduler) nextClaim() (Action, bool) {
	room := s.limits.Jobs - s.held - s.promised
	if room <= 0 || s.claims >= s.limits.Claims {
		return Action{}, false
	}
	l := s.claimFrom(claimFirst)
	if spare := room - s.limits.Jobs/10; l == nil && spare > 0 {
		room = spare
		l = s.claimFrom(claimMore)
	}
	if l == nil {
		return Action{}, false
	}
	a := s.claimOf(l)
	a.Max = min(a.Max, room)
	s.claims++
	s.promised += a.Max
	s.refresh(l)
	return a, true
}

// claimOf makes the claim of a lane that wants one: in turn its oldest jobs and,
// when there is a backlog, what came since.
func (s *Scheduler) claimOf(l *lane) Action {
	a := Action{Kind: ActionClaim, Lane: l.key, Before: s.now}
	switch {
	case l.wantsLight(s.now):
		a.From = l.senders.take()
		a.Before, a.Max, a.Light = a.From, 1, true
		l.express, l.claiming = true, true
		return a
	case l.wantsFresh(s.now):
		a.From, a.Max = l.fresh, expressMax
		l.express = true
	default:
		a.Max = max(1, l.stock(s.now)-l.nready)
		a.Asleep = l.asleep(s.now)
		l.express = false
	}
	// While the backlog lasts, hints keep standing for the next claim past it.
	if !l.backlog || !a.From.IsZero() {
		l.fresh = time.Time{}
	}
	l.claiming = true
	return a
}

// lane gives the lane of a key, made when there is room, or nil.
func (s *Scheduler) lane(key spool.Lane) *lane {
	if l := s.lanes[key]; l != nil {
		return l
	}
	if len(s.lanes) >= s.limits.Lanes {
		s.overflow = true
		s.rescan(s.now.Add(scanSoon))
		return nil
	}
	te := s.tenants[key.Tenant]
	if te == nil {
		te = &tenant{}
		s.tenants[key.Tenant] = te
	}
	te.known++
	s.made++
	l := &lane{key: key, serial: s.made, tenant: te, timer: -1, used: s.now, window: newWindow(s.connections(key.Transport)), paused: s.paused(key)}
	s.lanes[key] = l
	return l
}

// refresh puts a lane where its state belongs: into the rings and the timers.
func (s *Scheduler) refresh(l *lane) {
	l.mature(s.now)
	if l.startable(s.now) {
		if l.active == 0 {
			s.rings[startFirst].add(l)
		} else {
			s.rings[startMore].add(l)
		}
	}
	if l.wantsClaim(s.now) {
		if l.nready+l.active == 0 {
			s.rings[claimFirst].add(l)
		} else {
			s.rings[claimMore].add(l)
		}
	}
	wake := time.Time{}
	if len(l.dues) > 0 {
		wake = l.dues[0]
	}
	if l.window.asleep(s.now) && (wake.IsZero() || l.window.until.Before(wake)) {
		wake = l.window.until
	}
	if !wake.Equal(l.wake) || (l.timer < 0) != wake.IsZero() {
		l.wake = wake
		s.timers.set(l)
	}
}

// wakeTenant and restTenant count the tenants among which the slots are shared.
// wakeTenant comes before the first job, restTenant after the last.
func (s *Scheduler) wakeTenant(te *tenant) {
	if te.active+te.ready == 0 {
		s.awake++
	}
}

func (s *Scheduler) restTenant(te *tenant) {
	if te.active+te.ready == 0 {
		s.awake--
	}
}
