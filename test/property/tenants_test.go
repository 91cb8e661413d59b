package property

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// account is a login, with the directory as rules name it.
type account struct{ directory, name string }

const password = "a password"

// accounts are the logins of the top level and of the tenants.
var accounts = []account{{}, {"staff", "ann"}, {"acme.people", "amy"}, {"beta.people", "ben"}}

// territory is what the rules of one namespace may name.
type territory struct {
	patterns []string // of recipients, as they are written
	senders  []string // patterns
	aliases  []string // targets: its own, others' and foreign ones
	keys     []string // that are renamed
	renames  int      // percent of the rules that rename by the table
	renamed  []string // what addresses are renamed to
	via      []string // transports
}

// top is the territory of the top level.
func (w *world) top() territory {
	t := territory{
		patterns: []string{`"far.test"`, `".far.test"`, `"ann@"`, `"ann@h0.test"`, `"h1.test"`, `"partner.test"`, `".other.test"`, `"*"`, `"sales@h0.test"`, "table.vips", "table.pats"},
		senders:  append([]string{".far.test", "far.test", "boss@"}, w.senders...),
		keys:     []string{"ann@h0.test", "bob@h0.test", "h1.test", "boss@h0.test"},
		renames:  30,
		renamed:  []string{"h0.test", "h1.test", "far.test", "partner.test", "ann@h0.test", "bob@h1.test", "x@partner.test", "twin.test"},
		via:      []string{"internet", "hub", "pair", "tiers", "store", "store2", "refuse", "void"},
	}
	if w.tenants {
		t.patterns = append(t.patterns, `"acme.test"`, `"ann@beta.test"`)
		t.renamed = append(t.renamed, "acme.test")
	}
	return t
}

// of is the territory of a tenant.
func (w *world) of(tenant string) territory {
	domain := tenant + ".test"
	return territory{
		patterns: []string{`"far.test"`, `".far.test"`, `"ann@"`, fmt.Sprintf("%q", domain), fmt.Sprintf("%q", "sales@"+domain), `"partner.test"`, `"*"`, "table.vips"},
		senders:  []string{"<>", "far.test", ".far.test", "boss@", "s@far.test", domain, "ann@" + domain},
		aliases:  []string{"ann", "bob", "sales", "ann@acme.test", "bob@beta.test", "sales@beta.test", "ann@h0.test", "all@h1.test", "x@far.test", "nobody@acme.test"},
		keys:     []string{domain, "ann@" + domain, "sales@" + domain},
		renames:  5,
		renamed:  []string{domain, "far.test", "ann@" + domain, "x@partner.test"},
		via:      []string{"internet", "hub", "store", "out", "out", "void", "refuse"},
	}
}

// people writes the directories' files and, at the top level, the door for logins.
func (w *world) people() {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		panic(err)
	}
	for _, a := range accounts[1:] {
		w.files[a.directory] = a.name + ":" + string(hash) + "\n"
	}
	w.pf("directory \"file\" \"staff\" {\n  path = \"staff\"\n  cache = \"1h\"\n}\n")
	w.pf("relay \"staff\" {\n  login = [directory.staff]\n}\n")
	doors := []string{"directory.staff"}
	if w.tenants {
		doors = append(doors, "directory.acme.people", "directory.beta.people")
	}
	w.pf("listener \"inner\" {\n  bind = [%q]\n  tls = \"offer\"\n  certificate = %q\n  login = [%s]\n  login_optional = true\n}\n",
		w.net.binds["inner"], w.net.certFile, strings.Join(doors, ", "))
}

// tenant draws one tenant's block.
func (w *world) tenant(name string) {
	t := w.of(name)
	w.space, w.hosted = t, append(w.hosted, name+".test", "two-"+name+".test")
	w.pf("tenant %q {\n", name)
	if w.chance(40) {
		w.pf("postmaster = %q\n", pick(w, []string{"ann@" + name + ".test", "admin@far.test"}))
	}
	w.pf("transport \"smtp\" \"out\" {\n  to = [%q]\n%s}\n", w.net.smtp[w.rng.IntN(3)], w.kept())
	w.pf("directory \"file\" \"people\" {\n  path = \"%s.people\"\n  cache = \"1h\"\n}\n", name)
	w.pf("table \"inline\" \"users\" {\n  entries = [\"ann@%[1]s.test\", \"bob@%[1]s.test\"]\n}\n", name)
	w.pf("domain \"%s.test\" {\n  mailboxes = %s\n", name, pick(w, []string{`["ann", "bob"]`, "table.users", `"any"`}))
	w.pf("  aliases = { \"sales\" = %s, \"all\" = %s, \"info\" = [\"sales\"] }\n", quoted(some(w, t.aliases, 2)), quoted(some(w, t.aliases, 3)))
	if w.chance(25) {
		w.pf("  catch_all = %q\n", pick(w, []string{"bob@" + name + ".test", "ann@h0.test", "c@far.test"}))
	}
	if w.chance(40) {
		w.pf("  subaddress = \"+\"\n")
	}
	w.pf("  deliver = transport.%s\n}\n", pick(w, []string{"out", "store", "hub"}))
	w.pf("domain \"two-%[1]s.test\" {\n  alias_of = \"%[1]s.test\"\n}\n", name)
	w.pf("relay \"people\" {\n  login = [directory.people]\n}\n")
	w.tenantRules(name)
	w.pf("}\n")
	w.space = w.top()
}

func (w *world) tenantRules(name string) {
	if w.chance(30) {
		w.pf("srs \"default\" {\n  domain = \"srs.%s.test\"\n  secret = file(\"srs.key\")\n}\n", name)
	}
	if w.chance(25) {
		w.pf("deny \"d\" {\n")
		w.matcher()
		w.pf("}\n")
	}
	if w.chance(15) {
		w.pf("limits {\n  max_message_size = \"2KB\"\n}\n")
	}
	if w.chance(50) {
		w.list(name+".test", []string{"ann@acme.test", "sales@beta.test", "nobody@beta.test", "ann@h0.test", "team@h0.test"})
	}
	w.rewrites()
	for i := range w.rng.IntN(4) {
		w.route(i)
	}
	w.copies()
}

// login draws who writes.
func (w *world) login(l *letter) {
	l.account = pick(w, accounts)
	if !w.tenants && strings.Contains(l.account.directory, ".") {
		l.account = account{}
	}
	if l.account == (account{}) {
		return
	}
	l.listener, l.tls = "inner", true
	if tenant, _, ok := strings.Cut(l.account.directory, "."); ok && w.chance(60) {
		l.sender = "ann@" + tenant + ".test"
	}
	if l.account.name == "ann" && slices.Contains(w.senders, l.sender) && w.chance(40) {
		l.sender = "ann@h0.test"
	}
}
