package receive_test

import (
	"io"
	"net/netip"
	"testing"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/receive"
	"github.com/postroad/postroad/internal/spool"
)

const certificate = "sha256:00aa"

// queueOne takes in a message to team@example.com, which is ann and bob, and to
// x@far.example, with all facts that a route can ask for.
func queueOne(t *testing.T, w *world) {
	t.Helper()
	facts := decide.Facts{
		Client: netip.MustParseAddr("10.1.2.3"), Listener: "public", Helo: "client.example", TLS: true,
		Login: decide.Login{Directory: "staff", Name: "ann"}, Certificate: certificate, Tags: []string{"bulk"},
	}
	tx := w.server.Acceptor().Begin(w.gen.Pin(), facts, mail.Envelope{Sender: mail.Path{Address: addr("s@corp.example")}})
	for _, to := range []string{"team@example.com", "x@far.example"} {
		if d := tx.Recipient(t.Context(), mail.Recipient{Address: addr(to)}); d.Verdict != decide.Accept {
			t.Fatalf("%s: %+v", to, d)
		}
	}
	b, err := tx.Body(t.Context(), receive.Hop{By: "mx.example.com", Helo: "client.example", Client: facts.Client})
	if err != nil {
		t.Fatal(err)
	}
	// 25 octets as they came; a submission gets fields in front.
	if _, err := io.WriteString(b, "Subject: x\r\nX-A: 1\r\n\r\nx\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// reconfigure changes the rules of the world.
func (w *world) reconfigure(t *testing.T, change func(*decide.Rules)) {
	t.Helper()
	rules := testRules()
	change(rules)
	snapshot, err := decide.Compile(rules)
	if err != nil {
		t.Fatal(err)
	}
	conf := *w.gen.gen.Config
	conf.Rules, conf.Snapshot = rules, snapshot
	w.gen.gen.Config = &conf
}

// plans gives what a reroute would do, by final recipient: a transport, or "-"
// where it stays.
func (w *world) plans(t *testing.T) map[string]string {
	t.Helper()
	r := receive.NewRerouter(w.server.Acceptor(), &w.gen)
	out := make(map[string]string)
	err := w.store.Scan(t.Context(), spool.Filter{}, func(e spool.Entry) error {
		p, err := r.Plan(t.Context(), w.store, e)
		for _, way := range p.Ways {
			out[way.Recipient.String()] = "-"
			if !way.Stays {
				out[way.Recipient.String()] = way.Lane.Transport
			}
		}
		for _, j := range p.Jobs {
			if j.Sender != e.Job.Sender || j.Expanded != e.Job.Expanded {
				t.Errorf("more than the way changed: %+v", j)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A reroute asks routes about the message as it was when it came: whatever a
// matcher can ask for was kept.
func TestRerouteKnowsTheFacts(t *testing.T) {
	domain := func(d mail.Domain) []decide.Pattern { return []decide.Pattern{{Kind: decide.PatternDomain, Domain: d}} }
	yes, no := true, false
	for name, c := range map[string]struct {
		match func(*decide.Matchers)
		holds bool
	}{
		"client":         {func(m *decide.Matchers) { m.Client = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} }, true},
		"other client":   {func(m *decide.Matchers) { m.Client = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} }, false},
		"login":          {func(m *decide.Matchers) { m.Login = []decide.LoginPattern{{Directory: "staff"}} }, true},
		"certificate":    {func(m *decide.Matchers) { m.Certificate = []string{certificate} }, true},
		"listener":       {func(m *decide.Matchers) { m.Listener = []string{"public"} }, true},
		"other listener": {func(m *decide.Matchers) { m.Listener = []string{"submission"} }, false},
		"helo":           {func(m *decide.Matchers) { m.Helo = domain("client.example") }, true},
		"tls":            {func(m *decide.Matchers) { m.TLS = &yes }, true},
		"no tls":         {func(m *decide.Matchers) { m.TLS = &no }, false},
		"tag":            {func(m *decide.Matchers) { m.Tag = []string{"bulk"} }, true},
		"sender":         {func(m *decide.Matchers) { m.Sender = domain("example.com") }, true},
		"sender before":  {func(m *decide.Matchers) { m.Sender = domain("corp.example") }, false},
		"header":         {func(m *decide.Matchers) { m.Header = []decide.HeaderPattern{{Name: "X-A", Glob: "1"}} }, true},
		"added header":   {func(m *decide.Matchers) { m.Header = []decide.HeaderPattern{{Name: "From", Glob: "*s@corp.example*"}} }, true},
		"our own header": {func(m *decide.Matchers) { m.Header = []decide.HeaderPattern{{Name: "Received", Glob: "*"}} }, false},
		"size":           {func(m *decide.Matchers) { m.Size = []decide.SizePattern{{Op: ">", Bytes: 24}} }, true},
		"other size":     {func(m *decide.Matchers) { m.Size = []decide.SizePattern{{Op: ">", Bytes: 25}} }, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			rewrite := decide.Rewrite{
				Ref: decide.Ref{Name: "rewrite.corp"}, Match: noTables(), Sender: true, Table: decide.NoTable,
				Map: []decide.Mapping{{Key: "corp.example", To: "example.com"}},
			}
			w.reconfigure(t, func(r *decide.Rules) { r.Rewrites = append(r.Rewrites, rewrite) })
			queueOne(t, w)
			if got := w.plans(t); got["x@far.example"] != "-" || got["ann@example.com"] != "-" {
				t.Fatalf("with the same rules: %v", got)
			}
			m := noTables()
			m.Recipient = []decide.Pattern{{Kind: decide.PatternAny}}
			c.match(&m)
			w.reconfigure(t, func(r *decide.Rules) {
				r.Transports = append(r.Transports, decide.Transport{Ref: decide.Ref{Name: "new"}, Kind: "smtp", Tiers: [][]string{{"192.0.2.9:25"}}})
				r.Routes = []decide.Route{{Ref: decide.Ref{Name: "route.new", Source: "t.hcl:90"}, Match: m, Via: "new", Lookup: decide.NoTable}}
			})
			want := map[bool]string{true: "new", false: "-"}[c.holds]
			for to, got := range w.plans(t) {
				if got != want {
					t.Errorf("%s: %q, want %q", to, got, want)
				}
			}
		})
	}
}

// Each recipient goes its own way, exactly once; who is refused now waits where he
// was, and copies to a place of their own stay.
func TestRerouteDividesAJob(t *testing.T) {
	w := newWorld(t)
	copies := decide.Copy{Ref: decide.Ref{Name: "copy.all"}, Match: noTables(), To: addr("log@archive.example"), Via: "store"}
	w.reconfigure(t, func(r *decide.Rules) { r.Copies = []decide.Copy{copies} })
	queueOne(t, w)
	w.reconfigure(t, func(r *decide.Rules) {
		r.Copies = []decide.Copy{copies}
		bob, far := noTables(), noTables()
		bob.Recipient = []decide.Pattern{{Kind: decide.PatternAddress, Local: "bob", Domain: "example.com"}}
		far.Recipient = []decide.Pattern{{Kind: decide.PatternDomain, Domain: "far.example"}}
		r.Routes = []decide.Route{
			{Ref: decide.Ref{Name: "route.bob"}, Match: bob, Via: decide.BuiltinMX, Lookup: decide.NoTable},
			{Ref: decide.Ref{Name: "route.far"}, Match: far, Via: "refuse", Lookup: decide.NoTable},
		}
	})
	got := w.plans(t)
	if len(got) != 3 || got["ann@example.com"] != "-" || got["bob@example.com"] != decide.BuiltinMX || got["x@far.example"] != "-" {
		t.Fatal(got)
	}
	r := receive.NewRerouter(w.server.Acceptor(), &w.gen)
	err := w.store.Scan(t.Context(), spool.Filter{}, func(e spool.Entry) error {
		p, err := r.Plan(t.Context(), w.store, e)
		if err != nil || p.Jobs == nil {
			return err
		}
		return w.store.Reassign(t.Context(), e.Job, p.Jobs)
	})
	if err != nil {
		t.Fatal(err)
	}
	lanes := make(map[string]string)
	err = w.store.Scan(t.Context(), spool.Filter{}, func(e spool.Entry) error {
		for _, to := range e.Job.Recipients {
			lanes[to.Final.String()] += e.Job.Lane.Transport + " " + e.Job.Lane.Nexthop
		}
		return nil
	})
	want := map[string]string{
		"ann@example.com": "store ", "bob@example.com": "mx example.com", "x@far.example": "mx far.example", "log@archive.example": "store ",
	}
	for to, lane := range want {
		if lanes[to] != lane {
			t.Errorf("%s waits in %q, want %q", to, lanes[to], lane)
		}
	}
	if err != nil || len(lanes) != len(want) {
		t.Error(lanes, err)
	}
}

// A stored decision is read as it was written, and nothing else passes for one.
func FuzzDecodeRecord(f *testing.F) {
	f.Add([]byte(`{"v":1,"client":"10.1.2.3","login":"ann","own":120,"size":25,"recipients":[{"address":"a@b.example","verdict":"accept","sender":"s@b.example"}]}`))
	f.Add([]byte(`{"v":2,"recipients":[]}`))
	f.Add([]byte(`{"v":1,"recipients":null`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := receive.DecodeRecord(b)
		if err != nil {
			return
		}
		again, err := receive.DecodeRecord(r.Encode())
		if err != nil || string(again.Encode()) != string(r.Encode()) {
			t.Errorf("%s became %s, %v", b, again.Encode(), err)
		}
	})
}
