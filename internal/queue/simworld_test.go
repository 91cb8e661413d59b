package queue

import (
	"cmp"
	"container/heap"
	"context"
	"fmt"
	"hash"
	"hash/fnv"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/spool"
	"github.com/postroad/postroad/internal/spool/spooltest"
)

// world is all that there is in a life: a store, hosts, administrators, and the
// process of the server, when it runs.
type world struct {
	tally
	t        *testing.T
	seed     uint64
	days     int
	rnd      *rand.Rand
	nature   nature
	agenda   agenda
	seq      int
	end      time.Time // nobody sends or interferes after it
	mem      *spooltest.Mem
	hints    <-chan spool.Hint
	store    *simStore
	process  *process // nil while there is none
	calm     time.Time
	limits   Limits
	profiles map[string]Profile
	hosts    []*host
	book     *book
	story    story
}

// nature is what a life is like. The pauses are means; zero: never.
type nature struct {
	tenants, senders int
	loss             float64 // of hints
	letters          time.Duration
	bulks            time.Duration
	crashes, stops   time.Duration
	outages          time.Duration
	orders, reloads  time.Duration
	quirks           float64 // of what goes wrong with a report, an attempt or one call of the store
}

func newWorld(t *testing.T, seed uint64, days int) *world {
	w := &world{t: t, seed: seed, days: days, rnd: rand.New(rand.NewPCG(seed, 2))}
	w.story.hash = fnv.New64a()
	w.mem = spooltest.Memory()
	w.store = &simStore{Mem: w.mem, world: w}
	hints, err := w.mem.Watch(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	w.hints = hints
	w.book = newBook(w)
	w.end = time.Now().Add(time.Duration(days) * 24 * time.Hour)
	w.limits = Limits{Attempts: w.some(10, 60), Jobs: w.some(60, 600), Lanes: 1000, Claims: w.some(1, 4)}
	w.nature = nature{
		tenants: w.some(1, 5), senders: w.some(3, 30), letters: w.pause(2*time.Minute, 30*time.Minute),
		bulks: w.maybe(12*time.Hour, 72*time.Hour), crashes: w.maybe(6*time.Hour, 96*time.Hour),
		stops: w.maybe(12*time.Hour, 96*time.Hour), outages: w.maybe(24*time.Hour, 96*time.Hour),
		orders: w.maybe(2*time.Hour, 24*time.Hour), reloads: w.maybe(2*time.Hour, 24*time.Hour),
	}
	if w.chance(0.5) {
		w.nature.loss = w.rnd.Float64() / 5
	}
	if w.chance(0.5) {
		w.nature.quirks = w.rnd.Float64() / 20
	}
	w.reprofile()
	w.people(w.some(3, 16))
	return w
}

// live begins everything and follows the agenda to its end.
func (w *world) live() {
	w.lives = 1
	n, began := w.nature, time.Now()
	w.every(n.letters, w.letter)
	w.every(n.bulks, w.bulk)
	w.every(n.crashes, w.crash)
	w.every(n.stops, w.restart)
	w.every(n.outages, w.outage)
	w.every(n.orders, w.order)
	w.every(n.reloads, w.reload)
	w.start()
	w.in(6*time.Hour, w.audit)
	w.until(w.end)
	w.peace()
	w.process.pump()
	// Reports of what expires may expire as well.
	w.until(w.end.Add(2*longestLife + 2*24*time.Hour))
	w.book.closing()
	w.lived = time.Since(began)
}

// until follows the agenda.
func (w *world) until(end time.Time) {
	for len(w.agenda) > 0 && w.agenda[0].at.Before(end) {
		a := heap.Pop(&w.agenda).(appointment)
		time.Sleep(time.Until(a.at))
		a.do()
		if w.process != nil {
			w.process.pump()
		}
		if w.book.queued == 0 && time.Now().After(w.end) && w.process.idle() {
			return
		}
	}
}

// peace lets go of all that keeps mail from ending.
func (w *world) peace() {
	w.store.down = nothing
	if w.process == nil {
		w.start()
	}
	w.disturbed()
	w.change(spool.Filter{}, spool.ActionRelease)
	w.in(time.Hour, func() { w.change(spool.Filter{}, spool.ActionRelease) })
	w.nature.quirks = 0
}

// disturbed says that who waits now may wait for longer.
func (w *world) disturbed() { w.calm = time.Now() }

// every does something again and again, until the end.
func (w *world) every(mean time.Duration, do func()) {
	if mean <= 0 {
		return
	}
	d := time.Duration(float64(mean) * w.rnd.ExpFloat64())
	if time.Now().Add(d).After(w.end) {
		return
	}
	w.in(d, func() {
		do()
		w.every(mean, do)
	})
}

func (w *world) in(d time.Duration, do func()) {
	w.seq++
	heap.Push(&w.agenda, appointment{time.Now().Add(d), w.seq, do})
}

func (w *world) chance(p float64) bool { return w.rnd.Float64() < p }

func (w *world) some(least, most int) int { return least + w.rnd.IntN(most-least+1) }

func (w *world) pause(least, most time.Duration) time.Duration {
	return least + time.Duration(w.rnd.Int64N(int64(most-least)+1))
}

func (w *world) maybe(least, most time.Duration) time.Duration {
	if w.chance(0.4) {
		return 0
	}
	return w.pause(least, most)
}

// tell writes a line of the story.
func (w *world) tell(format string, args ...any) {
	w.story.add(time.Now().Sub(w.end).String() + " " + fmt.Sprintf(format, args...))
}

func (w *world) failf(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("seed %d, %v before the end: %s\nthe last that happened:\n%s\nagain: go test ./internal/queue -run 'TestSimulation$' -sim.seed=%d -sim.days=%d",
		w.seed, time.Until(w.end), fmt.Sprintf(format, args...), &w.story, w.seed, w.days)
}

// story is what happened: the hash of all lines, and the last ones.
type story struct {
	hash  hash.Hash64
	lines int
	last  [40]string
}

func (s *story) add(line string) {
	s.hash.Write([]byte(line))
	s.last[s.lines%len(s.last)] = line
	s.lines++
}

func (s *story) sum() uint64 { return s.hash.Sum64() }

func (s *story) String() string {
	var out string
	for i := range s.last {
		if line := s.last[(s.lines+i)%len(s.last)]; line != "" {
			out += line + "\n"
		}
	}
	return out
}

type appointment struct {
	at  time.Time
	seq int
	do  func()
}

// agenda is a container/heap; what comes at the same time keeps its order.
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
	(*a)[last] = appointment{}
	*a = (*a)[:last]
	return x
}
