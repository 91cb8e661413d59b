package property

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

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
