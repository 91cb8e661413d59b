package lab

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"sync"
)

// ErrHosts means that a block of addresses is used up.
var ErrHosts = errors.New("lab: no address left")

// Hosts gives out distinct loopback addresses of one /24.
type Hosts struct {
	mu   sync.Mutex // guards next
	next netip.Addr
}

// NewHosts begins with an address, as 127.0.1.1.
func NewHosts(first netip.Addr) *Hosts { return &Hosts{next: first} }

// randomHosts picks a block, so that labs of tests that run at the same time do
// not meet.
func randomHosts() *Hosts {
	return NewHosts(netip.AddrFrom4([4]byte{127, byte(1 + rand.IntN(250)), byte(1 + rand.IntN(250)), 1}))
}

// Next gives an address that was not given before. Without a receiver on it, it
// is a host that is down.
func (h *Hosts) Next() (netip.Addr, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.next
	if a.As4()[3] == 255 {
		return netip.Addr{}, ErrHosts
	}
	h.next = a.Next()
	return a, nil
}
