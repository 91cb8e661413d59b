package dns

import (
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/postroad/postroad/internal/mail"
)

// message builds a reply from records in presentation format.
func message(t testing.TB, rcode int, answer, authority []string) *dns.Msg {
	t.Helper()
	m := new(dns.Msg)
	m.SetQuestion("x.example.", dns.TypeMX)
	m.Response, m.Rcode, m.RecursionAvailable = true, rcode, true
	for i, lines := range [][]string{answer, authority} {
		for _, l := range lines {
			rr, err := dns.NewRR(l)
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				m.Answer = append(m.Answer, rr)
			} else {
				m.Ns = append(m.Ns, rr)
			}
		}
	}
	return m
}

const soa = "example. 100 IN SOA a. b. 1 1 1 1 60"

func TestConvert(t *testing.T) {
	for _, c := range []struct {
		name              string
		rcode             int
		answer, authority []string
		state             state
		end               mail.Domain
		hosts             []mail.Domain
		ttl               time.Duration
	}{
		{name: "records", answer: []string{"x.example. 9 IN MX 1 a.example."}, state: stateFull, hosts: []mail.Domain{"a.example"}, ttl: 9 * time.Second},
		{name: "records of other names are not believed", answer: []string{"y.example. IN MX 1 evil."}, authority: []string{soa}, state: stateEmpty, ttl: time.Minute},
		{name: "records of other classes are not believed", answer: []string{"x.example. CH MX 1 evil."}, authority: []string{soa}, state: stateEmpty, ttl: time.Minute},
		{name: "chain in any order", answer: []string{"z.example. 9 IN MX 1 a.example.", "y.example. 8 IN CNAME Z.example.", "X.example. 7 IN CNAME y.example."},
			state: stateFull, end: "z.example", hosts: []mail.Domain{"a.example"}, ttl: 7 * time.Second},
		{name: "chain without its end", answer: []string{"x.example. 7 IN CNAME y.other."}, state: stateElsewhere, end: "y.other", ttl: 7 * time.Second},
		{name: "chain, SOA of another zone", answer: []string{"x.example. 7 IN CNAME y.other."}, authority: []string{soa}, state: stateElsewhere, end: "y.other", ttl: 7 * time.Second},
		{name: "chain to an empty name", answer: []string{"x.example. 70 IN CNAME y.example."}, authority: []string{soa}, state: stateEmpty, end: "y.example", ttl: time.Minute},
		{name: "chain to a missing name", rcode: dns.RcodeNameError, answer: []string{"x.example. 70 IN CNAME y.example."}, authority: []string{soa}, state: stateMissing, end: "y.example", ttl: time.Minute},
		{name: "no such name", rcode: dns.RcodeNameError, authority: []string{soa}, state: stateMissing, ttl: time.Minute},
		{name: "denied without SOA is not kept", rcode: dns.RcodeNameError, state: stateMissing},
		{name: "empty without SOA is not kept", state: stateEmpty},
		{name: "NS beside an answer of a recursive server is no referral", authority: []string{"example. IN NS a."}, state: stateEmpty},
	} {
		a, err := convert(question{"x.example", dns.TypeMX}, message(t, c.rcode, c.answer, c.authority))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var hosts []mail.Domain
		for _, m := range a.mx {
			hosts = append(hosts, m.Host)
		}
		if a.state != c.state || a.end != c.end || a.ttl != c.ttl || !slices.Equal(hosts, c.hosts) {
			t.Errorf("%s: got %+v", c.name, a)
		}
	}
}

func TestConvertRefusesWhatIsNoAnswer(t *testing.T) {
	q := question{"x.example", dns.TypeMX}
	for name, spoil := range map[string]func(*dns.Msg){
		"a query":           func(m *dns.Msg) { m.Response = false },
		"another operation": func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify },
		"truncated":         func(m *dns.Msg) { m.Truncated = true },
		"SERVFAIL":          func(m *dns.Msg) { m.Rcode = dns.RcodeServerFailure },
		"an unknown code":   func(m *dns.Msg) { m.Rcode = 4000 },
		"a referral": func(m *dns.Msg) {
			m.Answer, m.RecursionAvailable = nil, false
			m.Ns = message(t, 0, nil, []string{"example. IN NS a."}).Ns
		},
	} {
		m := message(t, 0, []string{"x.example. IN MX 1 a."}, nil)
		spoil(m)
		if a, err := convert(q, m); err == nil || err.Error() == "" {
			t.Errorf("%s: taken as %+v", name, a)
		}
	}
}

func TestTTLAboveTheSignBitIsZero(t *testing.T) {
	m := message(t, 0, []string{"x.example. IN MX 1 a."}, nil)
	m.Answer[0].Header().Ttl = 1 << 31
	if a, err := convert(question{"x.example", dns.TypeMX}, m); err != nil || a.ttl != 0 {
		t.Errorf("kept for %v (%v)", a.ttl, err)
	}
}

func FuzzConvert(f *testing.F) {
	for _, m := range []*dns.Msg{
		message(f, 0, []string{"x.example. IN CNAME y.example.", `y.example. IN MX 1 b\@d.`, "y.example. IN MX 0 ."}, nil),
		message(f, dns.RcodeNameError, nil, []string{soa}),
		message(f, 0, []string{"x.example. IN A 192.0.2.1", "x.example. IN AAAA 2001:db8::1", "x.example. IN MX 1 192.0.2.1."}, nil),
		message(f, 0, []string{"x.example. IN CNAME x.example."}, []string{"example. IN NS a."}),
	} {
		raw, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, uint16(dns.TypeMX))
	}
	f.Fuzz(func(t *testing.T, raw []byte, qtype uint16) {
		m := new(dns.Msg)
		_ = m.Unpack(raw) // a part of a broken message is a message as well
		a, err := convert(question{"x.example", qtype}, m)
		if err != nil {
			return
		}
		if a.state == 0 || a.ttl < 0 || a.ttl > maxTTL || a.links > maxChain || a.state == stateFull != (len(a.mx)+len(a.addrs) > 0) {
			t.Errorf("impossible answer %+v", a)
		}
		for _, mx := range a.mx {
			if mx.Host != "" {
				if _, err := mail.ParseDomain(string(mx.Host)); err != nil || mx.Literal != "" {
					t.Errorf("host %q, literal %q", mx.Host, mx.Literal)
				}
			}
		}
		for _, ip := range a.addrs {
			if !ip.IsValid() || ip.Is4In6() {
				t.Errorf("address %v", ip)
			}
		}
	})
}

func TestSystemServers(t *testing.T) {
	if got := systemServers("testdata/resolv.conf"); !slices.Equal(got, []string{"192.0.2.53:53", "[2001:db8::53]:53"}) {
		t.Errorf("got %v", got)
	}
	if got := systemServers("testdata/missing"); !slices.Equal(got, []string{"127.0.0.1:53"}) {
		t.Errorf("without a file: %v", got)
	}
}
