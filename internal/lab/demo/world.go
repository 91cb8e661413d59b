package demo

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/lab"
)

// host is one machine of the small internet.
type host struct {
	name      string
	ip        string
	transport string // by which the server reaches it
	config    lab.Config
	rules     []lab.Rule
	down      bool
}

const internet = "internet"

// hosts is the small internet; demo.hcl and zones name the same addresses.
func hosts(shopPassword string) []host {
	tls := lab.Config{TLS: lab.TLSOffer}
	return []host{
		{name: "mx1.north.example", ip: "127.0.1.11", transport: internet, config: tls},
		{name: "mx2.north.example", ip: "127.0.1.12", transport: internet, config: tls},
		{name: "mx3.north.example", ip: "127.0.1.13", transport: internet},
		{name: "mx1.south.example", ip: "127.0.1.21", transport: internet, down: true},
		{name: "mx2.south.example", ip: "127.0.1.22", transport: internet},
		{name: "mx1.west.example", ip: "127.0.1.31", transport: internet,
			rules: []lab.Rule{{At: lab.Rcpt, Reply: "451 4.7.1 greylisted, come back later"}}},
		{name: "mx2.west.example", ip: "127.0.1.32", transport: internet},
		{name: "smarthost.provider.example", ip: "127.0.1.41", transport: "smarthost",
			config: lab.Config{TLS: lab.TLSOffer, Logins: map[string]string{"shop": shopPassword}}},
		{name: "relay.partner.example", ip: "127.0.1.51", transport: "partner", config: tls},
		{name: "store.home.example", ip: "127.0.1.61", transport: "store", config: lab.Config{LMTP: true},
			rules: []lab.Rule{{At: lab.Body, Match: "full@home.example", Reply: "452 4.2.2 mailbox full"}}},
		{name: "archive.example", ip: "127.0.1.71", transport: "archive"},
		{name: "old.legacy.example", ip: "127.0.1.81", transport: "smtp"},
	}
}

// zones are what the DNS of the small internet says.
func zones() map[string]string {
	return map[string]string{
		"north.example": `
@    MX 10 mx1
@    MX 10 mx2
@    MX 20 mx3
mx1  A 127.0.1.11
mx2  A 127.0.1.12
mx3  A 127.0.1.13`,
		"south.example": `
@    MX 10 mx1
@    MX 20 mx2
mx1  A 127.0.1.21
mx2  A 127.0.1.22`,
		"west.example": `
@    MX 10 mx1
@    MX 20 mx2
mx1  A 127.0.1.31
mx2  A 127.0.1.32`,
		"nomail.example":   `@ MX 0 .`,
		"provider.example": `smarthost A 127.0.1.41`,
		"home.example":     `mail A 127.0.0.1`,
	}
}

// world is the small internet, running.
type world struct {
	lab   *lab.Lab
	hosts map[string]host // by name
}

// newWorld starts DNS and hosts where the configuration expects them.
func newWorld(c *config.Config) (*world, error) {
	port, err := hostPort(c)
	if err != nil {
		return nil, err
	}
	servers := c.Resolvers["default"].Servers
	if len(servers) == 0 {
		return nil, errors.New("demo: resolver \"default\" names no server; the lab's DNS takes its address")
	}
	l, err := lab.NewAt(lab.Options{DNS: servers[0], First: netip.MustParseAddr("127.0.1.1"), Port: port})
	if err != nil {
		return nil, busy(err)
	}
	w := &world{lab: l, hosts: map[string]host{}}
	if err := w.start(c, port); err != nil {
		return nil, errors.Join(busy(err), l.Close())
	}
	return w, nil
}

// hostPort is where mx transports connect to.
func hostPort(c *config.Config) (int, error) {
	t := c.Transports[internet]
	if t == nil {
		return 0, fmt.Errorf("demo: the configuration has no transport %q", internet)
	}
	return t.Port, nil
}

func (w *world) start(c *config.Config, port int) error {
	for origin, text := range zones() {
		if err := w.lab.DNS.Zone(origin, text); err != nil {
			return err
		}
	}
	password, err := shopPassword(c)
	if err != nil {
		return err
	}
	for _, h := range hosts(password) {
		w.hosts[h.name] = h
		if h.down {
			continue
		}
		h.config.Name, h.config.Addr = h.name, net.JoinHostPort(h.ip, strconv.Itoa(port))
		r, err := w.lab.Start(h.config)
		if err != nil {
			return err
		}
		for _, rule := range h.rules {
			r.On(rule)
		}
	}
	return nil
}

func shopPassword(c *config.Config) (string, error) {
	t := c.Transports["smarthost"]
	if t == nil || t.Pass == nil {
		return "", nil
	}
	b, err := os.ReadFile(t.Pass.File)
	return strings.TrimRight(string(b), "\r\n"), err
}

// busy says what to do about an address that is taken.
func busy(err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("demo: an address is in use; does another demo run? %w", err)
	}
	return err
}
