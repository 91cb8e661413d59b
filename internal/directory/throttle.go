package directory

import (
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Failures that are let pass at once, and how long it takes until one of them is
// forgotten. A network may hold a whole office; an account is tried by machines
// all over the world.
const (
	networkFailures = 20
	networkForgets  = 30 * time.Second
	accountFailures = 20
	accountForgets  = 2 * time.Minute

	knownFor    = 24 * time.Hour // since the last login of an account from a network
	repeatedFor = time.Hour      // the same wrong password again counts once
	maxRecalled = 100_000        // of each, so that no attacker fills the memory
)

// throttle counts failed logins by network and by account. Above a bound nobody
// is let in until some are forgotten, with one exception: a network from which
// the account logged in lately is never locked out by what others do, so that an
// attacker cannot lock out a user. A client that repeats one wrong password,
// as a telephone does whose owner changed it, counts once.
type throttle struct {
	printer printer

	mu       sync.Mutex // guards what follows
	networks fading[netip.Prefix]
	accounts fading[string]
	known    fading[visitor]
	repeated fading[fingerprint]
}

// visitor is an account at a network.
type visitor struct {
	account string
	network netip.Prefix
}

func newThrottle() *throttle {
	return &throttle{
		printer:  newPrinter(),
		networks: newFading[netip.Prefix](networkForgets),
		accounts: newFading[string](accountForgets),
		known:    newFading[visitor](knownFor),
		repeated: newFading[fingerprint](repeatedFor),
	}
}

// admits tells whether an attempt may be looked at.
func (t *throttle) admits(a Attempt, now time.Time) bool {
	v := visitorOf(a)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known.level(v, now) > 0 {
		return true
	}
	return t.networks.level(v.network, now) <= networkFailures-1 && t.accounts.level(v.account, now) <= accountFailures-1
}

func (t *throttle) failed(a Attempt, now time.Time) {
	v := visitorOf(a)
	again := t.printer.print(v.network.String(), v.account, a.Password)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.repeated.level(again, now) > 0 {
		return
	}
	t.repeated.set(again, now)
	t.networks.add(v.network, now)
	t.accounts.add(v.account, now)
}

func (t *throttle) succeeded(a Attempt, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known.set(visitorOf(a), now)
}

// visitorOf takes an IPv4 address, or the /64 that one IPv6 host can choose from,
// for a network; and names without case, as some directories do.
func visitorOf(a Attempt) visitor {
	client := a.Client.Unmap().WithZone("")
	bits := client.BitLen()
	if client.Is6() {
		bits = 64
	}
	network, _ := client.Prefix(bits) // of no address: none, and all of these are one
	return visitor{account: strings.ToLower(a.Name), network: network}
}

// fading is a count for each key that falls by one each time that forgets passes.
type fading[K comparable] struct {
	forgets time.Duration
	counts  map[K]count
}

type count struct {
	n  float64
	at time.Time
}

func newFading[K comparable](forgets time.Duration) fading[K] {
	return fading[K]{forgets: forgets, counts: map[K]count{}}
}

func (f fading[K]) level(k K, now time.Time) float64 {
	c, ok := f.counts[k]
	if !ok {
		return 0
	}
	return max(0, c.n-float64(now.Sub(c.at))/float64(f.forgets))
}

func (f fading[K]) add(k K, now time.Time) {
	f.put(k, f.level(k, now)+1, now)
}

// set makes the count one, whatever it was.
func (f fading[K]) set(k K, now time.Time) { f.put(k, 1, now) }

func (f fading[K]) put(k K, n float64, now time.Time) {
	if _, there := f.counts[k]; !there && len(f.counts) >= maxRecalled {
		f.makeRoom(now)
	}
	f.counts[k] = count{n: n, at: now}
}

// makeRoom forgets what has faded, and of the rest a part, whoever it is.
func (f fading[K]) makeRoom(now time.Time) {
	for k := range f.counts {
		if f.level(k, now) == 0 {
			delete(f.counts, k)
		}
	}
	for k := range f.counts {
		if len(f.counts) <= maxRecalled*9/10 {
			return
		}
		delete(f.counts, k)
	}
}
