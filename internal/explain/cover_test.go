package explain

import (
	"net/netip"
	"testing"

	"pgregory.net/rapid"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
)

// What covers says is a promise: of two routes of which the first covers the
// second, the second never decides. A small world makes hits likely.
func TestCoversIsNeverWrong(t *testing.T) {
	proven := 0
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawMatchers(t, "a", 1), drawMatchers(t, "b", 1)
		if rapid.Bool().Draw(t, "narrowed") {
			narrow(&b, a)
		}
		if !covers(a, b) {
			return
		}
		proven++
		hosted := true
		s, err := decide.Compile(&decide.Rules{
			Hostname: "mx.test",
			Relay:    []decide.Relay{{Ref: decide.Ref{Name: "relay.all"}, Match: decide.Matchers{ClientTable: decide.NoTable, Client: anywhere()}}},
			Routes: []decide.Route{
				{Ref: decide.Ref{Name: "route.a"}, Match: a, Via: decide.BuiltinDiscard, Hosted: &hosted, Lookup: decide.NoTable},
				{Ref: decide.Ref{Name: "route.b"}, Match: b, Via: decide.BuiltinDiscard, Hosted: &hosted, Lookup: decide.NoTable},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 8 {
			in := drawInput(t)
			to := mail.Recipient{Address: drawAddress(t, "recipient")}
			for _, r := range s.Message(in, []mail.Recipient{to}).Recipients {
				for _, leg := range r.Deliveries {
					if leg.Rule.Name == "route.b" {
						t.Fatalf("%+v was said to cover %+v, but not for %s to %s", a, b, in.Sender, to.Address)
					}
				}
			}
		}
	})
	if proven == 0 {
		t.Error("no pair was covered: the test tests nothing")
	}
}

// narrow makes b ask for all that a asks for, so that many pairs are covered.
func narrow(b *decide.Matchers, a decide.Matchers) {
	if len(a.Recipient) > 0 {
		b.Recipient = a.Recipient
	}
	if len(a.Sender) > 0 {
		b.Sender = a.Sender
	}
	if len(a.Client) > 0 {
		b.Client = a.Client
	}
	b.Size, b.Tag, b.Header, b.TLS, b.Except = a.Size, a.Tag, a.Header, a.TLS, a.Except
}

func anywhere() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}
}

func drawAddress(t *rapid.T, label string) mail.Address {
	return mail.Address{
		Local:  rapid.SampledFrom([]string{"ann", "bob"}).Draw(t, label+" local"),
		Domain: rapid.SampledFrom([]mail.Domain{"x.test", "a.x.test", "b.a.x.test", "y.test"}).Draw(t, label+" domain"),
	}
}

func drawPattern(t *rapid.T, label string) decide.Pattern {
	a := drawAddress(t, label)
	switch rapid.IntRange(0, 5).Draw(t, label+" kind") {
	case 0:
		return decide.Pattern{Kind: decide.PatternAddress, Local: a.Local, Domain: a.Domain}
	case 1:
		return decide.Pattern{Kind: decide.PatternDomain, Domain: a.Domain}
	case 2:
		return decide.Pattern{Kind: decide.PatternSubdomain, Domain: a.Domain}
	case 3:
		return decide.Pattern{Kind: decide.PatternLocal, Local: a.Local}
	case 4:
		return decide.Pattern{Kind: decide.PatternNull}
	}
	return decide.Pattern{Kind: decide.PatternAny}
}

func drawMatchers(t *rapid.T, label string, depth int) decide.Matchers {
	m := decide.Matchers{ClientTable: decide.NoTable}
	patterns := func(what string) []decide.Pattern {
		return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) decide.Pattern { return drawPattern(t, what) }), 0, 2).Draw(t, label+what)
	}
	some := func(what string) bool { return rapid.IntRange(0, 3).Draw(t, label+what) == 0 }
	m.Recipient, m.Sender = patterns("recipient"), patterns("sender")
	if some("client") {
		m.Client = []netip.Prefix{rapid.SampledFrom([]netip.Prefix{
			netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/30"), netip.MustParsePrefix("10.0.0.1/32"),
		}).Draw(t, label+"net")}
	}
	if some("size") {
		m.Size = []decide.SizePattern{{
			Op:    rapid.SampledFrom([]string{"<", "<=", ">", ">="}).Draw(t, label+"op"),
			Bytes: rapid.Int64Range(0, 3).Draw(t, label+"bytes"),
		}}
	}
	if some("tag") {
		m.Tag = []string{rapid.SampledFrom([]string{"spam", "bulk"}).Draw(t, label+"tag")}
	}
	if some("header") {
		m.Header = []decide.HeaderPattern{{Name: "X", Glob: rapid.SampledFrom([]string{"*", "1", "1*"}).Draw(t, label+"glob")}}
	}
	if some("tls") {
		on := rapid.Bool().Draw(t, label+"on")
		m.TLS = &on
	}
	if some("percent") {
		share := rapid.SampledFrom([]float64{0, 50, 100}).Draw(t, label+"share")
		m.Percent = &share
	}
	if depth > 0 && some("except") {
		m.Except = []decide.Matchers{drawMatchers(t, label+"except ", depth-1)}
	}
	return m
}

func drawInput(t *rapid.T) decide.Input {
	in := decide.Input{Memo: &decide.Memo{}}
	if rapid.Bool().Draw(t, "sender") {
		in.Sender = mail.Path{Address: drawAddress(t, "sender")}
	}
	header, _ := mail.ScanHeader([]byte("X: " + rapid.SampledFrom([]string{"1", "12", "2"}).Draw(t, "header") + "\r\n"))
	in.Facts = decide.Facts{
		HasMessage: true, Header: header, Size: rapid.Int64Range(0, 4).Draw(t, "size"),
		Client: rapid.SampledFrom([]netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.9"), netip.MustParseAddr("192.0.2.1")}).Draw(t, "client"),
		TLS:    rapid.Bool().Draw(t, "tls"),
		Tags:   []string{rapid.SampledFrom([]string{"spam", "bulk", "other"}).Draw(t, "tag")},
	}
	return in
}
