package queue

import (
	"cmp"
	"slices"
	"time"
)

// liveShare of the lanes in memory is kept for those that do not sleep: a new host
// finds room however many others are dead.
const liveShare = 10

// deadRoom is how many lanes may be in memory for a sleeping one to join them.
func (s *Scheduler) deadRoom() int { return s.limits.Lanes - s.limits.Lanes/liveShare }

// makeRoom drops the lanes of which nothing need be remembered; and where there was
// none left, dead ones, those last that wake first. The jobs of a lane that is gone
// are asleep in the store, and a scan brings it back when there is room.
func (s *Scheduler) makeRoom() {
	var dead []*lane
	for _, l := range s.lanes {
		switch {
		case !l.workless() || l.queuedAnywhere():
		case l.window.asleep(s.now):
			dead = append(dead, l)
		case l.idle(s.now):
			s.forget(l)
		}
	}
	surplus := min(len(s.lanes)-s.deadRoom(), len(dead))
	if !s.overflow || surplus <= 0 {
		return
	}
	slices.SortFunc(dead, func(a, b *lane) int {
		return cmp.Or(b.window.until.Compare(a.window.until), cmp.Compare(a.serial, b.serial))
	})
	for _, l := range dead[:surplus] {
		s.forget(l)
	}
}

func (s *Scheduler) forget(l *lane) {
	delete(s.lanes, l.key)
	if l.wake = (time.Time{}); l.timer >= 0 {
		s.timers.set(l)
	}
	if l.tenant.known--; l.tenant.known == 0 {
		delete(s.tenants, l.key.Tenant)
	}
}
