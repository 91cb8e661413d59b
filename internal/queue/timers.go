package queue

import (
	"cmp"
	"container/heap"
)

// timers is the heap of lanes by wake.
type timers []*lane

func (t timers) Len() int { return len(t) }

// Less orders lanes of the same wake too, so that a life replays.
func (t timers) Less(i, j int) bool {
	return cmp.Or(t[i].wake.Compare(t[j].wake), cmp.Compare(t[i].serial, t[j].serial)) < 0
}

func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].timer, t[j].timer = i, j
}

// Push is for container/heap.
func (t *timers) Push(x any) {
	l := x.(*lane)
	l.timer = len(*t)
	*t = append(*t, l)
}

// Pop is for container/heap.
func (t *timers) Pop() any {
	old := *t
	l := old[len(old)-1]
	old[len(old)-1] = nil
	*t = old[:len(old)-1]
	l.timer = -1
	return l
}

// set puts l where its wake belongs; a zero wake takes it out.
func (t *timers) set(l *lane) {
	switch {
	case l.wake.IsZero() && l.timer >= 0:
		heap.Remove(t, l.timer)
	case l.wake.IsZero():
	case l.timer >= 0:
		heap.Fix(t, l.timer)
	default:
		heap.Push(t, l)
	}
}
