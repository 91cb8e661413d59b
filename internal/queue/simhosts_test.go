package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

// Kinds of host.
const (
	hostSteady = iota // never down, never refuses
	hostFlaky         // down for minutes or for weeks
	hostSlow          // takes minutes
	hostGrey          // defers who is new to it
	hostPicky         // refuses some recipients, defers some
	hostBusy          // takes so many in ten minutes, and says when to come again
	hostLeft          // some of its recipients live elsewhere by now
	hostShaky         // one attempt of four reaches nobody: one of its machines is away
	hostKinds
)

// longestLife is the latest GiveUp of any profile.
const longestLife = 4 * 24 * time.Hour

// host is the far end of lanes.
type host struct {
	name      string
	transport string
	kind      int
	up        bool
	changed   time.Time     // when it went or came back
	pace      time.Duration // an attempt that reaches it
	dsn       bool
	grey      time.Duration
	seen      map[string]time.Time // by recipient, of hostGrey
	slot      time.Time            // ten minutes of hostBusy
	taken     int
	next      *host              // of hostLeft
	tries     map[spool.Lane]int // of hostShaky
}

// people makes the hosts.
func (w *world) people(n int) {
	for i := range n {
		h := &host{
			name: fmt.Sprint("h", i, ".example"), transport: transports[i%len(transports)], kind: i % hostKinds, up: true,
			pace: w.pause(200*time.Millisecond, 2*time.Second), dsn: w.chance(0.5), grey: w.pause(time.Minute, 2*time.Hour),
			seen: map[string]time.Time{}, tries: map[spool.Lane]int{},
		}
		switch h.kind {
		case hostSlow:
			h.pace = w.pause(time.Minute, 5*time.Minute)
		case hostLeft:
			h.next = w.hosts[w.rnd.IntN(len(w.hosts))]
		}
		if h.kind == hostFlaky || h.kind != hostSteady && h.kind != hostShaky && w.chance(0.3) {
			w.in(w.pause(0, 8*time.Hour), func() { w.turn(h) })
		}
		w.hosts = append(w.hosts, h)
	}
}

// turn takes a host down or brings it back.
func (w *world) turn(h *host) {
	h.up, h.changed = !h.up, time.Now()
	w.tell("%s up=%v", h.name, h.up)
	mean := 6 * time.Hour
	if h.up = h.up || time.Now().After(w.end); !h.up && w.chance(0.2) {
		mean = 5 * 24 * time.Hour
	}
	w.in(time.Duration(float64(mean)*w.rnd.ExpFloat64()), func() { w.turn(h) })
}

func (h *host) takes(w *world) time.Duration {
	if !h.up {
		return 30 * time.Second
	}
	return h.pace/2 + w.pause(0, h.pace/2)
}

func (h *host) lane(tenant string) spool.Lane {
	return spool.Lane{Tenant: tenant, Transport: h.transport, Nexthop: h.name}
}

func (h *host) domain() mail.Domain { return mail.Domain(h.name) }

func (w *world) hostOf(l spool.Lane) *host {
	for _, h := range w.hosts {
		if h.name == l.Nexthop {
			return h
		}
	}
	return nil
}

func (w *world) anyHost() *host { return w.hosts[w.rnd.IntN(len(w.hosts))] }

// Attempt is the network.
func (w *world) Attempt(ctx context.Context, a Attempt) Result {
	if w.chance(w.nature.quirks / 4) {
		w.mad++
		panic("a defect, on purpose")
	}
	h := w.hostOf(a.Job.Lane)
	e := w.process.going[jobOf(&a.Job)]
	res := Result{DSNCapable: h.dsn, Final: h.kind == hostSteady}
	if !h.up && ctx.Err() == nil {
		w.process.spares(a.Job.Lane, h)
	}
	away := !h.up || ctx.Err() == nil && h.stumbles(a.Job.Lane)
	res.Unreachable = away
	if !away && ctx.Err() == nil && w.chance(w.nature.quirks/4) {
		res.Hold = true
	}
	for _, r := range a.Job.Recipients {
		one := RecipientResult{N: r.N, State: spool.Waiting, Reply: mail.Reply{Code: 451, Text: "no answer"}}
		switch {
		case away || res.Hold:
		case ctx.Err() != nil:
			if h.kind == hostSteady && w.chance(0.5) {
				one.State, one.Reply = spool.Delivered, mail.Reply{Code: 250}
			}
		default:
			one.Remote = h.name
			h.answer(w, r, &one)
			one.Lane.Tenant = a.Job.Lane.Tenant
		}
		w.book.hears(e, r, one)
		res.Recipients = append(res.Recipients, one)
	}
	if h.kind == hostBusy && h.up && h.taken > busyShare && w.chance(0.7) {
		res.NotBefore = time.Now().Add(w.pause(10*time.Minute, 3*time.Hour))
		e.asked = res.NotBefore
	}
	return res
}

// stumbles tells whether the attempt meets the machine that is away. Each lane
// meets it in turn, so that no cohort of any lane is lost as a whole.
func (h *host) stumbles(l spool.Lane) bool {
	if h.kind != hostShaky {
		return false
	}
	h.tries[l]++
	return h.tries[l]%4 == 0
}

// busyShare is what a busy host takes in ten minutes.
const busyShare = 20

// answer says what a host that is up says of one recipient.
func (h *host) answer(w *world, r spool.Recipient, one *RecipientResult) {
	now := time.Now()
	one.State, one.Reply = spool.Delivered, mail.Reply{Code: 250}
	later := func() { one.State, one.Reply = spool.Waiting, mail.Reply{Code: 450} }
	switch h.kind {
	case hostGrey:
		if h.seen[r.Final.Local].IsZero() {
			h.seen[r.Final.Local] = now
		}
		if now.Sub(h.seen[r.Final.Local]) < h.grey {
			later()
		}
	case hostPicky:
		if p := w.rnd.Float64(); p < 0.1 {
			one.State, one.Reply = spool.Failed, mail.Reply{Code: 550}
		} else if p < 0.3 {
			later()
		}
	case hostBusy:
		if now.Sub(h.slot) > 10*time.Minute {
			h.slot, h.taken = now, 0
		}
		if h.taken++; h.taken > busyShare {
			later()
		}
	case hostLeft:
		if p := w.rnd.Float64(); p < 0.4 {
			one.State, one.Lane, one.NotBy = spool.Moved, spool.Lane{Transport: h.next.transport, Nexthop: h.next.name}, h.transport
		} else if p < 0.5 {
			later()
		}
	}
}

var transports = []string{"mx", "relay"}

func (w *world) transport() string { return transports[w.rnd.IntN(len(transports))] }

func (w *world) tenant() string { return fmt.Sprint("t", w.rnd.IntN(w.nature.tenants)) }

// Profile gives the profiles of the configuration of now.
func (w *world) Profile(transport string) Profile { return w.profiles[transport] }

// reprofile draws other profiles.
func (w *world) reprofile() {
	afters := [][]time.Duration{
		nil, {time.Minute, 5 * time.Minute, 15 * time.Minute}, {30 * time.Second}, {10 * time.Minute, 10 * time.Minute, time.Hour},
	}
	w.profiles = map[string]Profile{}
	for _, t := range transports {
		p := Profile{
			After: afters[w.rnd.IntN(len(afters))], Then: w.pause(30*time.Minute, 4*time.Hour), Connections: w.some(4, 20),
			GiveUp: w.pause(12*time.Hour, longestLife),
		}
		if w.chance(0.7) {
			p.Warn = 4 * time.Hour
		}
		w.profiles[t] = p
	}
}
