package explain_test

import (
	"context"
	"net/netip"
	"reflect"
	"testing"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/deliver"
	"github.com/postroad/postroad/internal/explain"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/server"
)

// planned answers every look-up with the same plan, and remembers the question.
type planned struct {
	plan  deliver.Plan
	err   error
	asked deliver.Query
}

func (p *planned) Plan(_ context.Context, q deliver.Query) (deliver.Plan, error) {
	p.asked = q
	return p.plan, p.err
}

func TestHosts(t *testing.T) {
	preference := 10
	gone := &mail.Error{Reply: mail.Reply{Code: 556, Enhanced: "5.1.10", Text: "no mail here"}}
	cases := []struct {
		name     string
		planned  planned
		nexthops []string
		order    string
		hosts    []explain.Host
		err      *explain.Reply
	}{
		{
			"hosts in the order of trial",
			planned{plan: deliver.Plan{Order: "mx", TLS: "offer", Hosts: []deliver.Host{
				{Name: "mx1.far.test", Preference: 10, Port: 25, Addrs: []netip.Addr{netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("192.0.2.1")}},
				{Name: "mx2.far.test", Preference: 10, Port: 25, Err: gone},
				{Name: "/run/lmtp", Preference: deliver.NoPreference, Socket: "/run/lmtp"},
			}}},
			[]string{"mx1.far.test:25", "mx2.far.test:25", "unix:/run/lmtp"}, "mx",
			[]explain.Host{
				{Host: "mx1.far.test", Port: 25, Preference: &preference, Addresses: []string{"2001:db8::1", "192.0.2.1"}, TLS: "offer"},
				{Host: "mx2.far.test", Port: 25, Preference: &preference, Addresses: []string{}, TLS: "offer",
					Error: &explain.Reply{Code: 556, Enhanced: "5.1.10", Text: "no mail here"}},
				{Host: "/run/lmtp", Addresses: []string{}, TLS: "offer"},
			}, nil,
		},
		{
			"nowhere", planned{err: gone}, []string{"far.test"}, "mx", nil,
			&explain.Reply{Code: 556, Enhanced: "5.1.10", Text: "no mail here"},
		},
	}
	src, err := server.OpenOffline(t.Context(), writeConfig(t)).Source()
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			src.Planner = &tc.planned
			q := explain.Query{Client: "10.0.0.1", Recipients: []string{"x@far.test"}, DNS: true}
			r, err := explain.Route(t.Context(), src, q)
			if err != nil {
				t.Fatal(err)
			}
			d := r.Recipients[0].Deliveries[0]
			if !reflect.DeepEqual(d.Nexthops, tc.nexthops) || d.Order != tc.order || !reflect.DeepEqual(d.Hosts, tc.hosts) || !reflect.DeepEqual(d.Error, tc.err) {
				t.Errorf("got %+v", d)
			}
			if a := tc.planned.asked; a.Domain != "far.test" || a.Transport != decide.BuiltinMX {
				t.Errorf("asked for %+v", a)
			}
		})
	}
}

func TestHostsAreNotAskedFor(t *testing.T) {
	src, err := server.OpenOffline(t.Context(), writeConfig(t)).Source()
	if err != nil {
		t.Fatal(err)
	}
	p := &planned{}
	src.Planner = p
	if _, err := explain.Route(t.Context(), src, explain.Query{Client: "10.0.0.1", Recipients: []string{"x@far.test"}}); err != nil {
		t.Fatal(err)
	}
	if p.asked.Config != nil {
		t.Error("DNS was asked without being asked for")
	}
}
