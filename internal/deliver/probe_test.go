package deliver

import (
	"context"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/table"
)

// What hosts say to RCPT is yes or no, or nothing that could be believed.
func TestProbe(t *testing.T) {
	const yes, no, later = table.Found, table.NotFound, table.TryLater
	rcpt := func(s string) *host { return &host{rcpt: map[string]string{"a": s}} }
	for _, c := range []struct {
		name    string
		hosts   []*host
		want    table.Status
		reached bool
	}{
		{"taken", []*host{{}}, yes, true},
		{"unknown", []*host{rcpt("550 5.1.1 no such user")}, no, true},
		{"disabled", []*host{rcpt("550 5.2.1 disabled")}, no, true},
		{"not for us to know", []*host{rcpt("550 5.7.1 not you")}, later, true},
		{"full", []*host{rcpt("552 5.2.2 full")}, later, true},
		{"grey", []*host{rcpt("450 4.7.1 later")}, later, true},
		{"sender refused", []*host{{mail: "550 5.1.8 no"}}, later, true},
		{"nobody there", []*host{{refuse: true}}, later, false},
		{"no greeting", []*host{{greeting: "554 5.3.2 no"}}, later, false},
		{"the second knows", []*host{{refuse: true}, rcpt("550 5.1.1 no")}, no, true},
		{"the first knows", []*host{rcpt("550 5.1.1 no"), {}}, no, true},
	} {
		w := newWorld(t)
		for n, h := range c.hosts {
			w.mxHost(n+1, h)
		}
		got := w.d.Probe(t.Context(), Probe{Config: w.cfg, Transport: "mx", Recipient: address("a@d.example")})
		if got.Status != c.want || got.Reached != c.reached {
			t.Errorf("%s: %v (%s), reached %v", c.name, got.Status, got.Reply, got.Reached)
		}
		for _, h := range c.hosts {
			if len(h.seen().messages) > 0 {
				t.Errorf("%s: a message was sent", c.name)
			}
		}
	}
}

// Hosts that do not answer leave time for those that do; when none does, they are
// away, unless somebody said something that is no yes, or the client left.
func TestProbeOfHostsThatDoNotAnswer(t *testing.T) {
	hangs, refuses := func() *host { return &host{greeting: "hang"} }, func() *host { return &host{refuse: true} }
	for _, c := range []struct {
		name  string
		hosts []*host
		want  table.Status
		away  bool
	}{
		{"refuses", []*host{refuses(), refuses()}, table.TryLater, true},
		{"hangs", []*host{hangs(), hangs()}, table.TryLater, true},
		{"says nothing to MAIL", []*host{{mail: "hang"}}, table.TryLater, true},
		{"the second knows", []*host{hangs(), {}}, table.Found, false},
		{"busy", []*host{{greeting: "421 4.3.2 busy"}, refuses()}, table.TryLater, false},
		{"later", []*host{{rcpt: map[string]string{"a": "451 4.3.0 later"}}, hangs()}, table.TryLater, false},
	} {
		w := newWorld(t)
		for n, h := range c.hosts {
			w.mxHost(n+1, h)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		got := w.d.Probe(ctx, Probe{Config: w.cfg, Transport: "mx", Recipient: address("a@d.example")})
		cancel()
		if got.Status != c.want || got.Away != c.away {
			t.Errorf("%s: %v (%s), away %v", c.name, got.Status, got.Reply, got.Away)
		}
	}
	w := newWorld(t)
	w.mxHost(1, hangs())
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	if got := w.d.Probe(ctx, Probe{Config: w.cfg, Transport: "mx", Recipient: address("a@d.example")}); got.Away {
		t.Error("who left was told that the hosts are away")
	}
}

// A connection that a probe leaves carries a message next, and the other way
// round.
func TestProbeSharesConnections(t *testing.T) {
	w := newWorld(t)
	h := &host{rcpt: map[string]string{"b": "550 5.1.1 no"}}
	w.hosts["10.0.0.1:25"] = h
	w.transport(&config.Transport{Name: "t", Kind: decide.KindSMTP, Tiers: [][]string{{"10.0.0.1"}}, Reuse: true})
	probe := func(name string) table.Status {
		return w.d.Probe(t.Context(), Probe{Config: w.cfg, Transport: "t", Sender: mail.Path{Address: address("v@me.example")}, Recipient: address(name)}).Status
	}
	if probe("a@d.example") != table.Found || probe("b@d.example") != table.NotFound {
		t.Error("the answers are wrong")
	}
	a := job("t", "a@d.example")
	if got := told(a, w.d.Attempt(t.Context(), a)); got[:11] != "a delivered" {
		t.Error(got)
	}
	if probe("a@d.example") != table.Found || h.seen().conns != 1 || len(h.seen().messages) != 1 {
		t.Errorf("%d connections, %d messages", h.seen().conns, len(h.seen().messages))
	}
}
