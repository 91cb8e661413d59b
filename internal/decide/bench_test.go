package decide

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/table"
)

// bigWorld has 10 000 hosted domains and 1 000 routes of every common shape.
func bigWorld(tb testing.TB) (*Snapshot, *Memo) {
	tb.Helper()
	r := &Rules{Generation: "big", Hostname: "mx.example"}
	users := &content{name: "users", entries: map[string][]string{}}
	r.Tables = []TableInfo{{Name: "users", Format: "list"}, {Name: "map", Format: "transport"}}
	r.Transports = []Transport{{Ref: Ref{Name: "store"}, Kind: KindLMTP}, {Ref: Ref{Name: "hub"}, Kind: KindSMTP}}
	for i := range 10_000 {
		d := mail.Domain(fmt.Sprintf("d%d.example", i))
		users.entries["ann@"+string(d)] = nil
		r.Domains = append(r.Domains, Domain{
			Ref: Ref{Name: "domain." + string(d)}, Name: d, Members: MembersTable, MailboxTable: 0, AliasTable: NoTable,
			Subaddress: "+", Deliver: "store",
			Aliases: []Alias{{Address: mail.Address{Local: "sales", Domain: d}, Targets: []mail.Address{{Local: "ann", Domain: d}}}},
		})
	}
	r.Relay = []Relay{{Ref: Ref{Name: "relay.office"}, Match: Matchers{Client: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, ClientTable: NoTable}}}
	for i := range 1_000 {
		r.Routes = append(r.Routes, bigRoute(i))
	}
	s, err := Compile(r)
	if err != nil {
		tb.Fatal(err)
	}
	m := &content{name: "map", entries: map[string][]string{"x@y.example": {"hub:"}}}
	return s, &Memo{View: table.View{{Name: "users", Content: users}, {Name: "map", Content: m}}}
}

func bigRoute(i int) Route {
	r := Route{Ref: Ref{Name: fmt.Sprintf("route.r%d", i)}, Match: Matchers{ClientTable: NoTable}, Via: "hub", Lookup: NoTable}
	d := mail.Domain(fmt.Sprintf("f%d.example", i))
	switch i % 10 {
	case 0, 1, 2, 3:
		r.Match.Recipient = []Pattern{{Kind: PatternDomain, Domain: d}, {Kind: PatternSubdomain, Domain: d}}
	case 4, 5:
		r.Match.Recipient = []Pattern{{Kind: PatternAddress, Local: "a", Domain: d}}
	case 6, 7:
		r.Match.Sender = []Pattern{{Kind: PatternDomain, Domain: d}}
	case 8:
		r.Match.Original = []Pattern{{Kind: PatternSubdomain, Domain: d}}
	default:
		r.Match.Tag = []string{fmt.Sprint("tag", i)}
	}
	return r
}

func BenchmarkMessage(b *testing.B) {
	s, memo := bigWorld(b)
	for _, c := range []struct{ name, to string }{
		{"mailbox", "ann@d5000.example"},
		{"subaddress", "ann+news@d77.example"},
		{"alias", "sales@d9999.example"},
		{"unknown", "nobody@d123.example"},
		{"foreign", "x@elsewhere.example"},
		{"routed", "x@a.f990.example"},
	} {
		b.Run(c.name, func(b *testing.B) {
			in := Input{Sender: path("s@sender.example"), Memo: memo}
			in.Facts.Client = netip.MustParseAddr("10.1.2.3")
			in.Facts.HasMessage = true
			to := []mail.Recipient{{Address: address(c.to)}}
			b.ReportAllocs()
			for b.Loop() {
				s.Message(in, to)
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		bigWorld(b)
	}
}
