package property

import (
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/table"
	"github.com/postroad/postroad/internal/trust/srs"
)

const (
	isolationWorlds = 200
	isolationMail   = 240 // of each, of which some is the changed tenant's own
)

// TestIsolation: a decision about mail that is not tenant b's is the same, step by
// step, when b's block changes or goes. Mail is b's when its sender, its login or
// one of its recipients is, those included to which others' aliases lead.
func TestIsolation(t *testing.T) {
	if testing.Short() {
		t.Skip("writes hundreds of configurations")
	}
	var sum isolated
	for seed := range uint64(isolationWorlds) {
		h := newHouse(seed)
		before := h.load(t, "as it is")
		changed := *h
		changed.files = map[string]string{}
		for name, text := range h.files {
			changed.files[name] = text
		}
		changed.files["b.hcl"] = newHouse(seed + 1_000_000).files["b.hcl"]
		if h.rng.IntN(3) == 0 {
			delete(changed.files, "b.hcl")
		}
		after := changed.load(t, "changed")
		for range isolationMail {
			l := h.letter()
			was, reach := before.judge(l), h.isOfB(l)
			is := after.judge(l)
			if reach || h.reachesB(was) || h.reachesB(is) {
				continue
			}
			sum.add(l, was)
			if !reflect.DeepEqual(was, is) {
				t.Fatalf("seed %d, %+v:\nbefore %+v\nafter  %+v\n%s", seed, l, was, is, h.text())
			}
		}
	}
	if sum.judged < 20_000 || sum.crossed < 2_000 || sum.renamed < 2_000 || sum.edited < 1_000 || sum.forwarded < 200 || sum.reversed < 200 || sum.lists < 500 {
		t.Errorf("the generator draws too little of something that is not b's: %+v", sum)
	}
	t.Logf("%d messages, of which not b's: %+v", isolationWorlds*isolationMail, sum)
}

// loaded is a configuration that judges.
type loaded struct {
	snapshot *decide.Snapshot
	view     table.View
	secrets  map[string][][]byte
}

func (h *house) load(t *testing.T, what string) loaded {
	t.Helper()
	folder := t.TempDir()
	for name, text := range h.files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, ds := config.Load(folder, config.Options{})
	if ds.HasErrors() {
		t.Fatalf("%s: %v\n%s", what, ds, h.text())
	}
	l := loaded{snapshot: c.Snapshot, view: make(table.View, len(c.Tables)), secrets: map[string][][]byte{}}
	for _, name := range append(tenants, "") {
		l.secrets[decide.Scoped(name, "default")] = [][]byte{[]byte("key of " + name)}
	}
	for i, tb := range c.Tables {
		l.view[i] = table.Version{Name: tb.Name, Content: tb.Content}
	}
	return l
}

// parcel is one envelope with its facts.
type parcel struct {
	sender mail.Path
	facts  decide.Facts
	to     []mail.Recipient
}

func (h *house) address(local string) mail.Address {
	domain := h.one("a.test", "a.test", "b.test", "c.test", "c.test", "two-a.test", "two-c.test", "top.test", "far.test",
		"rent-a.test", "rent-c.test", "rent-b.test", "rent.test", "srs.a.test", "srs.c.test", "srs.top.test", "srs.b.test", "nick-a.test", "nick-c.test", "nick-b.test")
	return mail.Address{Local: local, Domain: mail.Domain(domain)}
}

func (h *house) letter() parcel {
	p := parcel{}
	f := &p.facts
	f.Client, f.Listener, f.Helo = netip.MustParseAddr(h.one("10.1.1.1", "192.0.2.7", "198.51.100.1")), "public", h.one("x.far.test", "far.test", "y.test")
	if h.chance(80) {
		p.sender = mail.Path{Address: h.address(h.one("ann", "bob", "ann+x", "rude"))}
	}
	if h.chance(40) {
		tenant := h.one("a", "c", "c", "b", "")
		f.Login = decide.Login{Directory: decide.Scoped(tenant, "staff"), Name: h.one("ann", "bob")}
		f.TLS = true
		if h.chance(70) {
			p.sender = mail.Path{Address: mail.Address{Local: h.one("ann", "ann+x", "bob"), Domain: mail.Domain(tenant + ".test")}}
		}
	}
	f.HasMessage, f.Size = true, int64(h.rng.IntN(2000))
	for _, name := range []string{"From", "To", "Reply-To"}[:1+h.rng.IntN(3)] {
		f.Header = append(f.Header, mail.Field{Name: name, Raw: []byte(name + ": " + h.address(h.one("ann", "bob", "ann+x", "bob+x")).String() + "\r\n")})
	}
	if h.chance(20) {
		f.DeliveredTo = []mail.Address{h.address(h.one("sales", "all"))}
	}
	for range 1 + h.rng.IntN(3) {
		p.to = append(p.to, mail.Recipient{Address: h.address(h.one("ann", "bob", "sales", "all", "nobody", "postmaster", "ann+x", "info", "team", "owner-team", "own"))})
	}
	if h.chance(15) {
		domain := h.one("srs.a.test", "a.test", "c.test", "srs.c.test", "srs.top.test", "rent-c.test", "far.test")
		a, _ := mail.ParseAddress(returnPath(domain))
		p.to = append(p.to, mail.Recipient{Address: a})
	}
	if h.chance(10) { // a member of a list, or mail from another tenant
		f.Origin, f.Tenant, f.Login = decide.OriginReinjected, h.one("", "", "a", "b", "c"), decide.Login{}
	}
	return p
}

// verdicts is all that is said about an envelope.
type verdicts struct {
	rcpt    []decide.RecipientDecision
	message decide.Decision
}

func (l loaded) judge(p parcel) verdicts {
	p.facts.SRS, p.facts.Day = l.secrets, returnDay
	in := decide.Input{Facts: p.facts, Sender: p.sender, Memo: &decide.Memo{View: l.view}, Trace: true}
	at := in
	at.Facts.HasMessage, at.Facts.Header, at.Facts.DeliveredTo = false, nil, nil
	var v verdicts
	for _, to := range p.to {
		d, _ := l.snapshot.Recipient(at, to)
		v.rcpt = append(v.rcpt, d)
	}
	v.message = l.snapshot.Message(in, p.to)
	v.message.Generation = ""
	return v
}

// returnDay is the day of the transactions, on which return paths are good.
const returnDay = 20000

// returnPath is an address of the scheme of a domain's tenant, for a sender far away.
func returnPath(domain string) string {
	tenant := strings.TrimSuffix(strings.TrimPrefix(domain, "srs."), ".test")
	if tenant == "top" || tenant == "far" {
		tenant = ""
	}
	s := srs.Scheme{Domain: mail.Domain(domain), Separator: srs.DefaultSeparator, Secrets: [][]byte{[]byte("key of " + tenant)}}
	a, err := s.Forward(mail.Address{Local: "ann", Domain: "far.test"}, returnDay)
	if err != nil {
		panic(err)
	}
	return a.String()
}

func ofB(d mail.Domain) bool {
	return d == "b.test" || d == "two-b.test" || d == "rent-b.test" || d == "srs.b.test" || d == "nick-b.test"
}

// isOfB tells whether an envelope is b's by what it says.
func (h *house) isOfB(p parcel) bool {
	return ofB(p.sender.Address.Domain) || p.facts.Tenant == "b" || strings.HasPrefix(p.facts.Login.Directory, "b.") ||
		slices.ContainsFunc(p.to, func(r mail.Recipient) bool { return ofB(r.Address.Domain) })
}

// reachesB tells whether the way of the mail leads into a domain of b's.
func (h *house) reachesB(v verdicts) bool {
	for _, d := range slices.Concat(v.rcpt, v.message.Recipients) {
		for _, leg := range slices.Concat(d.Deliveries, d.Refused) {
			if ofB(leg.Recipient.Domain) {
				return true
			}
		}
		for _, s := range d.Steps { // those whose members did not get as far
			if s.Stage == decide.StageAdmit {
				continue
			}
			if strings.Contains(s.Outcome, "@b.test") || strings.Contains(s.Outcome, "b.test ") || strings.Contains(s.Outcome, "@rent-b.test") || strings.Contains(s.Outcome, "srs.b.test") {
				return true
			}
		}
	}
	return false
}

// isolated counts what was held: messages that are not b's, and among their
// deliveries those that the rules of tenants have a hand in.
type isolated struct{ judged, crossed, renamed, edited, forwarded, reversed, lists int }

func (n *isolated) add(p parcel, v verdicts) {
	n.judged++
	for _, d := range v.message.Recipients {
		back := strings.HasPrefix(d.Recipient.Address.Local, "SRS0")
		for _, leg := range d.Deliveries {
			n.crossed += count(leg.Transport == decide.BuiltinReinject)
			n.lists += count(leg.Transport == decide.BuiltinList)
			n.renamed += count(leg.Sender != p.sender)
			n.forwarded += count(strings.HasPrefix(leg.Sender.Address.Local, "SRS0"))
			n.edited += count(len(leg.Edits) > 0)
			n.reversed += count(back && leg.Recipient.Local == "ann")
		}
	}
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}
