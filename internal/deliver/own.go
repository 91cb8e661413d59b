package deliver

import (
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/postroad/postroad/internal/config"
)

// interfacesFor: the machine's addresses are asked again after that long.
const interfacesFor = 30 * time.Second

// ownAddresses is what counts as ourselves in a list of MX.
type ownAddresses struct {
	declared   []netip.Addr // configured: ours whatever the port, behind NAT too
	interfaces []netip.Addr
	listeners  []*config.Listener
}

func (r *resolution) ownAddresses() ownAddresses {
	return ownAddresses{declared: r.cfg.Addresses, interfaces: r.p.interfaces(), listeners: r.cfg.Listeners}
}

// has tells whether a is ours. A loopback address is ours only where we listen:
// many hosts of one machine live there, the lab's among them.
func (o ownAddresses) has(a netip.Addr, port uint16) bool {
	a = a.Unmap()
	if slices.Contains(o.declared, a) {
		return true
	}
	if a.IsLoopback() {
		return o.listensAt(a, port)
	}
	return slices.Contains(o.interfaces, a)
}

func (o ownAddresses) listensAt(a netip.Addr, port uint16) bool {
	for _, l := range o.listeners {
		for _, bind := range l.Bind {
			b, err := netip.ParseAddrPort(bind)
			if err == nil && b.Port() == port && (b.Addr().Unmap() == a || b.Addr().IsUnspecified()) {
				return true
			}
		}
	}
	return false
}

// interfaces gives the addresses of this machine.
func (p *Planner) interfaces() []netip.Addr {
	if p.Interfaces != nil {
		return p.Interfaces()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); now.After(p.until) {
		p.own, p.until = machineAddresses(), now.Add(interfacesFor)
	}
	return p.own
}

func machineAddresses() []netip.Addr {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil // the declared addresses and the host name still tell
	}
	var out []netip.Addr
	for _, a := range list {
		if n, ok := a.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(n.IP); ok {
				out = append(out, ip.Unmap())
			}
		}
	}
	return out
}
