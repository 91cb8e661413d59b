package spool

import (
	"errors"
	"fmt"
)

// CheckLanes holds the lanes in memory against the schedule in the database: a job
// that waits for a claim stands in its lane once, at its time, unless it comes
// after the lane's horizon; and nothing else does.
func (p *Pebble) CheckLanes() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expire()
	stands := map[half]map[slot]int{}
	slots := 0
	for key, l := range p.lanes.byKey {
		stands[key] = map[slot]int{}
		for _, s := range l.ready {
			stands[key][s]++
		}
		slots += len(l.ready)
	}
	var wrong []error
	err := p.each([]byte{famDue}, nil, func(key, _ []byte) bool {
		of, s, ok := parseDueKey(key)
		h := half{of, s.asleep()}
		l, n := p.lanes.byKey[h], stands[h][s]
		delete(stands[h], s)
		want := 0
		if !p.taken(s.ref) && (l == nil || !l.more || s.compare(l.horizon) < 0) {
			want = 1
		}
		if !ok || n != want {
			wrong = append(wrong, fmt.Errorf("job %d of %v stands in %v %d times, want %d", s.ref.job, s.ref.id, h, n, want))
		}
		return true
	})
	for h, rest := range stands {
		for s := range rest {
			wrong = append(wrong, fmt.Errorf("job %d of %v stands in %v and is not scheduled there", s.ref.job, s.ref.id, h))
		}
	}
	if slots != p.lanes.slots || len(p.lanes.order) != len(p.lanes.byKey) {
		wrong = append(wrong, fmt.Errorf("%d slots counted as %d, %d lanes as %d", slots, p.lanes.slots, len(p.lanes.byKey), len(p.lanes.order)))
	}
	return errors.Join(append(wrong, err)...)
}
