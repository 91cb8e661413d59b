package property

import (
	"fmt"
	"math/rand/v2"
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

// house is a configuration with tenants a, b and c in a file each.
type house struct {
	rng   *rand.Rand
	files map[string]string
}

var tenants = []string{"a", "b", "c"}

func newHouse(seed uint64) *house {
	h := &house{rng: rand.New(rand.NewPCG(seed, 77)), files: map[string]string{}}
	h.files["0.hcl"] = h.top()
	for _, name := range tenants {
		h.files[name+".hcl"] = h.tenant(name)
	}
	return h
}

func (h *house) chance(percent int) bool { return h.rng.IntN(100) < percent }

func (h *house) one(from ...string) string { return from[h.rng.IntN(len(from))] }

func (h *house) some(from ...string) string {
	n := 1 + h.rng.IntN(2)
	var out []string
	for _, i := range h.rng.Perm(len(from))[:n] {
		out = append(out, from[i])
	}
	return quoted(out)
}

func (h *house) text() string {
	var b strings.Builder
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range h.files {
			if !yield(name) {
				return
			}
		}
	}) {
		fmt.Fprintf(&b, "--- %s\n%s", name, h.files[name])
	}
	return b.String()
}

// top is the top level: domains of its own and of a table, and rules for all.
func (h *house) top() string {
	var b strings.Builder
	pf := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	pf("hostname = \"mx.top.test\"\ndata = \"spool\"\n")
	if h.chance(50) {
		pf("postmaster = %q\n", h.one("boss@top.test", "boss@a.test", "boss@far.test"))
	}
	pf("listener \"public\" {\n  bind = [\"127.0.0.1:25\"]\n}\n")
	for _, name := range []string{"hub", "store"} {
		pf("transport \"smtp\" %q {\n  to = [\"127.0.0.1:26\"]\n}\n", name)
	}
	pf("directory \"file\" \"staff\" {\n  path = \"staff\"\n}\n")
	pf("relay \"office\" {\n  client = [\"10.0.0.0/8\"]\n}\nrelay \"staff\" {\n  login = [directory.staff]\n}\n")
	pf("domain \"top.test\" {\n  mailboxes = [\"ann\", \"boss\"]\n  aliases = { \"all\" = %s }\n  subaddress = \"+\"\n}\n",
		h.some("ann", "ann@a.test", "x@far.test", "ann@c.test", "ann@rent-c.test"))
	pf("table \"inline\" \"rented\" {\n  entries = { \"rent-a.test\" = \"a/w\", \"rent-b.test\" = \"b/w\", \"rent-c.test\" = \"c/v\", \"rent.test\" = \"v\", \"nick-a.test\" = \"@a.test\", \"nick-c.test\" = \"c/@rent-c.test\", \"nick-b.test\" = \"b/@b.test\" }\n}\n")
	pf("domains \"rented\" {\n  from = table.rented\n  mailboxes = %s\n  aliases = table.rented_aliases\n  subaddress = \"+\"\n", h.one("\"any\"", "table.rented_users"))
	if h.chance(40) {
		pf("  catch_all = \"info\"\n")
	}
	pf("  deliver = { \"w\" = transport.store, \"*\" = transport.hub }\n}\n")
	pf("table \"inline\" \"rented_users\" {\n  entries = [\"ann@rent-a.test\", \"ann@rent-b.test\", \"ann@rent-c.test\", \"@rent.test\"]\n}\n")
	pf("table \"inline\" \"rented_aliases\" {\n  entries = { \"sales@rent-a.test\" = %s, \"info@rent-c.test\" = %s, \"info@rent-b.test\" = \"ann@a.test\" }\n}\n",
		h.some("ann@rent-a.test", "ann@a.test", "ann@c.test", "ann@rent-c.test"), h.some("x@far.test", "ann@rent-a.test", "ann@a.test"))
	if h.chance(60) {
		pf("route \"tagged\" {\n  %s\n  via = transport.hub\n}\n", h.matcher("a"))
	}
	if h.chance(40) {
		pf("deny \"rude\" {\n  sender = [%q]\n}\n", h.one("rude@far.test", "ann@a.test"))
	}
	h.renames(&b, "", "top")
	if h.chance(60) {
		pf("srs \"default\" {\n  domain = \"srs.top.test\"\n  secret = file(\"key\")\n}\n")
	}
	if h.chance(40) {
		h.list(&b, "", "top")
	}
	if h.chance(50) {
		pf("copy \"archive\" {\n  %s\n  to = %q\n}\n", h.matcher("c"), h.one("arch@far.test", "ann@top.test", "ann@a.test"))
	}
	return b.String()
}

// tenant is one tenant's block.
func (h *house) tenant(name string) string {
	var b strings.Builder
	pf := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	pf("tenant %q {\n", name)
	if h.chance(40) {
		pf("  postmaster = %q\n", h.one("ann@"+name+".test", "admin@far.test"))
	}
	pf("  transport \"smtp\" \"out\" {\n    to = [\"127.0.0.1:27\"]\n  }\n")
	pf("  directory \"file\" \"staff\" {\n    path = \"staff\"\n    owns = table.owners\n  }\n")
	pf("  table \"inline\" \"owners\" {\n    entries = { \"ann@%[1]s.test\" = \"ann\", \"%[1]s.test\" = \"bob\", \"far.test\" = \"ann\", \"bob@b.test\" = \"bob\" }\n  }\n", name)
	pf("  domain \"%s.test\" {\n    mailboxes = [\"ann\", \"bob\"]\n", name)
	others := []string{"team@a.test", "team@c.test", "owner-team@c.test", returnPath("a.test"), returnPath("srs.c.test"), "ann@a.test", "ann@b.test", "ann@c.test", "bob@c.test", "ann@top.test", "x@far.test", "all@top.test", "ann@rent-c.test", "info@rent-b.test"}
	pf("    aliases = { \"sales\" = %s, \"all\" = %s }\n", h.some(append(others, "ann", "bob", "all")...), h.some(append(others, "sales", "bob")...))
	if h.chance(30) {
		pf("    catch_all = %q\n", h.one(append(others, "bob@"+name+".test")...))
	}
	if h.chance(50) {
		pf("    subaddress = \"+\"\n")
	}
	pf("    deliver = transport.%s\n  }\n", h.one("out", "hub", "store"))
	if h.chance(50) {
		pf("  domain \"two-%s.test\" {\n    alias_of = \"%s.test\"\n  }\n", name, name)
	}
	if h.chance(70) {
		pf("  relay \"staff\" {\n    login = [directory.staff]\n  }\n")
	}
	for i := range h.rng.IntN(4) {
		pf("  route \"r%d\" {\n    %s\n    via = transport.%s\n  }\n", i, h.matcher(name), h.one("out", "hub", "discard", "mx"))
	}
	for i := range h.rng.IntN(3) {
		pf("  copy \"c%d\" {\n    %s\n    to = %q\n  }\n", i, h.matcher(name), h.one(others...))
	}
	if h.chance(40) {
		pf("  deny \"d\" {\n    %s\n  }\n", h.matcher(name))
	}
	h.renames(&b, "  ", name)
	if h.chance(60) {
		domain := h.one("srs."+name+".test", name+".test")
		pf("  srs \"default\" {\n    domain = %q\n    secret = file(\"key\")\n    accept = %q\n  }\n", domain, h.one("reports", "all"))
	}
	if h.chance(60) {
		h.list(&b, "  ", name)
	}
	if h.chance(20) {
		pf("  limits {\n    max_message_size = \"1KB\"\n  }\n")
	}
	pf("}\n")
	return b.String()
}

// renames writes rules for addresses, some of them about everybody.
func (h *house) renames(b *strings.Builder, indent, tenant string) {
	pf := func(format string, args ...any) { fmt.Fprintf(b, indent+format+"\n", args...) }
	for i := range h.rng.IntN(3) {
		pf("rewrite \"w%d\" {", i)
		if h.chance(50) {
			pf("  %s", h.early(tenant))
		}
		to := h.one("own@"+tenant+".test", "@"+tenant+".test", "own@far.test", "@other.test")
		if h.chance(30) {
			pf("  map = table.renames%d", i)
		} else {
			pf("  map = { %q = %q }", h.one("*", "ann@", "bob@", "far.test", "ann@far.test", "rude@"), to)
		}
		pf("  envelope = %s", h.some("sender", "recipient"))
		if h.chance(60) {
			pf("  headers = %s", h.some("From", "To", "Reply-To"))
		}
		if h.chance(30) {
			pf("  when = \"leaving\"")
		}
		pf("}")
		// A table may say what a map of the block must not.
		pf("table \"inline\" \"renames%d\" {\n  entries = { %q = %q, %q = %q }\n}", i,
			h.one("ann@a.test", "ann@c.test", "a.test", "ann@", "*"), h.one("x@a.test", "@c.test", "own@far.test", "x@top.test"),
			h.one("bob@a.test", "bob@c.test", "bob@", "info@"), h.one("own@"+tenant+".test", "@c.test", "@rent-b.test"))
	}
}

// early is a condition that can be told before the message.
func (h *house) early(tenant string) string {
	for {
		m := h.matcher(tenant)
		if !strings.HasPrefix(m, "size") && !strings.HasPrefix(m, "percent") {
			return m
		}
	}
}

// list writes a list with members anywhere.
func (h *house) list(b *strings.Builder, indent, tenant string) {
	fmt.Fprintf(b, "%[1]slist \"team\" {\n%[1]s  address = \"team@%[2]s.test\"\n%[1]s  owner = %[3]q\n%[1]s  members = %[4]s\n%[1]s}\n", indent, tenant,
		h.one("ann@"+tenant+".test", "ann@c.test", "x@far.test"), h.some("ann@a.test", "ann@b.test", "ann@c.test", "x@far.test", "ann@rent-c.test"))
}

// matcher writes one condition that a tenant may write.
func (h *house) matcher(tenant string) string {
	switch h.rng.IntN(7) {
	case 0:
		return "recipient = " + h.some("far.test", "ann@", "ann@"+tenant+".test", tenant+".test", ".test", "*")
	case 1:
		return "original = " + h.some("far.test", "sales@", tenant+".test", "*")
	case 2:
		return "sender = " + h.some("<>", "far.test", "ann@", "ann@"+tenant+".test", "*")
	case 3:
		return "client = " + h.some("10.0.0.0/8", "192.0.2.0/24", "0.0.0.0/0")
	case 4:
		return "size = \">1KB\""
	case 5:
		return "percent = 50"
	}
	return "helo = " + h.some("x.far.test", ".far.test", "*")
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
