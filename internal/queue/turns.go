package queue

// Rings in which lanes wait for their turn. A lane that has nothing yet has its
// own ring, so that it never waits behind those that want more.
const (
	startFirst = iota // jobs ready, none on its way
	startMore
	claimFirst // work due, no job in memory
	claimMore
	rings
)

// credit is a deficit counter (Shreedhar and Varghese): each visit adds one unit,
// and what costs more waits for the visits that pay it.
type credit struct {
	units int
	open  bool // this visit has paid already
}

func (c *credit) affords(cost int) bool {
	if !c.open {
		c.open = true
		c.units++
	}
	return c.units >= cost
}

// turns is one ring: tenants in turn, and the lanes of each in turn. Lanes that
// lost their reason to be in it are dropped when their turn comes.
type turns struct {
	ring    int
	tenants fifo[*tenant]
}

// asks is what next is told of a lane: whether it belongs in the ring still, and
// what its turn costs.
type asks struct {
	fits func(*lane) bool
	cost func(*lane) int
	skip func(*tenant) bool // passed over this time
}

// add puts l into the ring, at its end, unless it is there.
func (t *turns) add(l *lane) {
	if l.queued[t.ring] {
		return
	}
	l.queued[t.ring] = true
	l.credit[t.ring] = credit{}
	te := l.tenant
	te.lanes[t.ring].push(l)
	if !te.queued[t.ring] {
		te.queued[t.ring] = true
		te.credit[t.ring] = credit{}
		t.tenants.push(te)
	}
}

// next gives the lane whose turn it is and charges it, or nil. It stays in the
// ring.
func (t *turns) next(a asks) *lane {
	for tries := t.tenants.len(); tries > 0; {
		te := t.tenants.front()
		if a.skip(te) {
			t.tenants.rotate()
			tries--
			continue
		}
		l := t.laneOf(te, a)
		if l == nil {
			t.tenants.pop()
			te.queued[t.ring] = false
			tries--
			continue
		}
		cost, c := a.cost(l), &te.credit[t.ring]
		if c.affords(cost) {
			c.units -= cost
			l.credit[t.ring].units -= cost
			return l
		}
		c.open = false
		t.tenants.rotate()
		tries = t.tenants.len() // it comes again with more credit
	}
	return nil
}

// laneOf gives the lane of a tenant whose turn it is, or nil.
func (t *turns) laneOf(te *tenant, a asks) *lane {
	q := &te.lanes[t.ring]
	for q.len() > 0 {
		l := q.front()
		if !a.fits(l) {
			q.pop()
			l.queued[t.ring] = false
			continue
		}
		c := &l.credit[t.ring]
		if c.affords(a.cost(l)) {
			return l
		}
		c.open = false
		q.rotate()
	}
	return nil
}
