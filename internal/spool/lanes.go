package spool

import (
	"bytes"
	"cmp"
	"container/heap"
	"slices"
)

// slot is the place of a job in its lane's schedule.
type slot struct {
	due int64 // stamp
	ref ref
}

// asleep tells the slot of a job that sleeps.
func (s slot) asleep() bool { return s.due < 0 }

// compare orders slots as their keys are ordered.
func (s slot) compare(o slot) int {
	if s.due != o.due {
		return cmp.Compare(s.due, o.due)
	}
	return s.ref.compare(o.ref)
}

// compare orders jobs as their keys are ordered.
func (r ref) compare(o ref) int {
	if c := bytes.Compare(r.id[:], o.id[:]); c != 0 {
		return c
	}
	return cmp.Compare(r.job, o.job)
}

// half is one of the two schedules of a lane: of the jobs asleep, which all have
// their keys before the others, and of the others.
type half struct {
	Lane
	asleep bool
}

// lane is the beginning of one half of a lane's schedule.
//
// Every scheduled job that nobody has claimed is in ready, if its slot comes
// before horizon; what comes after is in the database only. So a long lane
// costs a window of memory, and the keys of jobs that are done, which linger in
// the database until it compacts, lie before the horizon and are never walked.
//
// A slot is a hint: a job may stand in ready twice, or be done. Claim holds each
// against its record.
type lane struct {
	key     half
	ready   slotHeap
	horizon slot
	more    bool // there may be jobs at the horizon or after it
	at      int  // index in lanes.order
}

// due is when the lane next has work, as slots say it.
func (l *lane) due() int64 {
	if len(l.ready) > 0 {
		return l.ready[0].due
	}
	return l.horizon.due
}

// time is when the lane next has work, in a slot's stamp.
func (l *lane) time() int64 {
	if l.key.asleep {
		return l.due() + sleep
	}
	return l.due()
}

// lanes are all lanes with work to come, by their next due time. The owner
// holds the lock of the Pebble that they belong to.
type lanes struct {
	window int // slots of one lane
	limit  int // slots in all, above which a lane gets few
	slots  int
	byKey  map[half]*lane
	order  laneHeap
}

// fewSlots is the window of a lane when memory is short.
const fewSlots = 16

func newLanes(window int) *lanes {
	return &lanes{window: window, limit: 256 * window, byKey: map[half]*lane{}}
}

// add puts a job into its lane's schedule.
func (ls *lanes) add(of Lane, s slot) {
	key := half{of, s.asleep()}
	l := ls.byKey[key]
	if l == nil {
		l = &lane{key: key, ready: slotHeap{s}}
		ls.slots++
		ls.byKey[key] = l
		heap.Push(&ls.order, l)
		return
	}
	if l.more && s.compare(l.horizon) >= 0 {
		return
	}
	l.ready.push(s)
	ls.slots++
	if window := ls.windowNow(); len(l.ready) > 2*window {
		ls.cut(l, window)
	}
	heap.Fix(&ls.order, l.at)
}

// windowNow is how many slots a lane gets: few when memory is short.
func (ls *lanes) windowNow() int {
	if ls.slots > ls.limit {
		return min(fewSlots, ls.window)
	}
	return ls.window
}

// cut forgets all but the first slots of a lane.
func (ls *lanes) cut(l *lane, keep int) {
	slices.SortFunc(l.ready, slot.compare)
	l.horizon, l.more = l.ready[keep], true
	ls.slots -= len(l.ready) - keep
	l.ready = slices.Clone(l.ready[:keep]) // and let go of the rest
}

// pop takes the first slot of a lane if it is due; ready must not be empty when
// there is more. After the last pop settle is called.
func (ls *lanes) pop(l *lane, before int64) (slot, bool) {
	if len(l.ready) == 0 || l.ready[0].due > before {
		return slot{}, false
	}
	ls.slots--
	return l.ready.pop(), true
}

// remove takes a job out of its lane's schedule, if it is there.
func (ls *lanes) remove(of Lane, s slot) {
	l := ls.byKey[half{of, s.asleep()}]
	if l == nil {
		return
	}
	if i := slices.Index(l.ready, s); i >= 0 {
		l.ready.remove(i)
		ls.slots--
		ls.settle(l)
	}
}

// settle restores the order of the lanes after a lane changed; one that has
// nothing left is forgotten.
func (ls *lanes) settle(l *lane) {
	if len(l.ready) == 0 && !l.more {
		heap.Remove(&ls.order, l.at)
		delete(ls.byKey, l.key)
		return
	}
	heap.Fix(&ls.order, l.at)
}

// first visits the lanes that are due before a time, the oldest first, until
// visit says false. It walks down the heap and costs as much as it visits.
func (ls *lanes) first(before int64, visit func(*lane) bool) {
	if len(ls.order) == 0 {
		return
	}
	front := &walk{order: ls.order, at: []int{0}}
	for len(front.at) > 0 {
		i := heap.Pop(front).(int)
		if ls.order[i].due() > before || !visit(ls.order[i]) {
			return
		}
		for c := 2*i + 1; c <= 2*i+2 && c < len(ls.order); c++ {
			heap.Push(front, c)
		}
	}
}

// slotHeap has its first slot in front. It is no container/heap, which would
// allocate for each slot.
type slotHeap []slot

func (h *slotHeap) push(s slot) {
	*h = append(*h, s)
	h.up(len(*h) - 1)
}

func (h *slotHeap) pop() slot {
	s := (*h)[0]
	h.remove(0)
	return s
}

func (h *slotHeap) remove(i int) {
	q := *h
	last := len(q) - 1
	q[i] = q[last]
	*h = q[:last]
	if i < last {
		h.down(i)
		h.up(i)
	}
}

func (h *slotHeap) up(i int) {
	q := *h
	for i > 0 {
		parent := (i - 1) / 2
		if q[i].compare(q[parent]) >= 0 {
			return
		}
		q[i], q[parent] = q[parent], q[i]
		i = parent
	}
}

func (h *slotHeap) down(i int) {
	q := *h
	for {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(q); c++ {
			if q[c].compare(q[least]) < 0 {
				least = c
			}
		}
		if least == i {
			return
		}
		q[i], q[least] = q[least], q[i]
		i = least
	}
}

// laneHeap is a container/heap that tells each lane where it stands.
type laneHeap []*lane

func (h laneHeap) Len() int           { return len(h) }
func (h laneHeap) Less(i, j int) bool { return h[i].due() < h[j].due() }
func (h laneHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}
func (h *laneHeap) Push(x any) {
	l := x.(*lane)
	l.at = len(*h)
	*h = append(*h, l)
}
func (h *laneHeap) Pop() any {
	l := (*h)[len(*h)-1]
	(*h)[len(*h)-1] = nil
	*h = (*h)[:len(*h)-1]
	return l
}

// walk is a container/heap of places in a laneHeap.
type walk struct {
	order laneHeap
	at    []int
}

func (w *walk) Len() int           { return len(w.at) }
func (w *walk) Less(i, j int) bool { return w.order.Less(w.at[i], w.at[j]) }
func (w *walk) Swap(i, j int)      { w.at[i], w.at[j] = w.at[j], w.at[i] }
func (w *walk) Push(x any)         { w.at = append(w.at, x.(int)) }
func (w *walk) Pop() any {
	i := w.at[len(w.at)-1]
	w.at = w.at[:len(w.at)-1]
	return i
}
