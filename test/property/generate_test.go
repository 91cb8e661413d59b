package property

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// world is one generated configuration and what envelopes may draw from.
type world struct {
	rng       *rand.Rand
	net       network
	hcl       strings.Builder
	files     map[string]string // table files by name
	hosted    []string
	foreign   []string
	locals    []string
	senders   []string
	listeners []string
	nroutes   int
}

// network is where the captures of a world listen.
type network struct {
	dns      string            // resolver
	mxPort   int               // port of every MX host
	smtp     []string          // host:port of the smarthosts
	lmtp     []string          // host:port of the stores
	binds    map[string]string // listener → host:port
	certFile string
	dataDir  string
}

var (
	clientHosts = []string{"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"}
	helos       = []string{"client.test", "host.corp.test", "odd.example"}
	envValues   = []string{"test-1", "test-two", "prod", ""}
)

func newWorld(seed uint64, n network) *world {
	w := &world{
		rng:     rand.New(rand.NewPCG(seed, seed^0x9e3779b97f4a7c15)),
		net:     n,
		files:   map[string]string{},
		foreign: []string{"far.test", "sub.far.test", "other.test", "deep.sub.other.test", "partner.test"},
		locals:  []string{"ann", "bob", "sales", "info", "all", "nobody", "Ann", "ann+tag", "x%y", "postmaster"},
		senders: []string{"<>", "s@far.test", "boss@h0.test", "t@other.test", "x@sub.far.test"},
	}
	w.head()
	w.transports()
	w.tables()
	w.domains()
	w.access()
	w.routes()
	w.copies()
	return w
}

func (w *world) chance(percent int) bool { return w.rng.IntN(100) < percent }

func (w *world) pf(format string, args ...any) { fmt.Fprintf(&w.hcl, format, args...) }

func pick[T any](w *world, from []T) T { return from[w.rng.IntN(len(from))] }

// some draws one to max distinct values.
func some(w *world, from []string, max int) []string {
	n := 1 + w.rng.IntN(max)
	var out []string
	for _, i := range w.rng.Perm(len(from))[:min(n, len(from))] {
		out = append(out, from[i])
	}
	return out
}

func quoted(v []string) string {
	q := make([]string, len(v))
	for i, s := range v {
		q[i] = fmt.Sprintf("%q", s)
	}
	return "[" + strings.Join(q, ", ") + "]"
}

func (w *world) head() {
	w.pf("hostname = \"edge.test\"\ndata = %q\npostmaster = \"bob@h0.test\"\n", w.net.dataDir)
	w.pf("resolver \"default\" {\n  servers = [%q]\n}\n", w.net.dns)
	w.listeners = []string{"public", "inner"}
	for _, l := range w.listeners {
		w.pf("listener %q {\n  bind = [%q]\n", l, w.net.binds[l])
		if l == "public" {
			w.pf("  tls = \"offer\"\n  certificate = %q\n", w.net.certFile)
		}
		w.pf("}\n")
	}
	w.pf("retry \"never\" {\n  after = [\"1h\"]\n  then = \"1h\"\n  give_up = \"5d\"\n}\n")
}

func (w *world) transports() {
	w.pf("transport \"mx\" \"internet\" {\n  port = %d\n  private = true\n  retry = retry.never\n}\n", w.net.mxPort)
	w.pf("transport \"smtp\" \"hub\" {\n  to = [%q]\n}\n", w.net.smtp[0])
	w.pf("transport \"smtp\" \"pair\" {\n  to = [%q, %q]\n  balance = \"random\"\n}\n", w.net.smtp[1], w.net.smtp[2])
	w.pf("transport \"smtp\" \"tiers\" {\n  to = [[%q, %q], [%q]]\n}\n", w.net.smtp[0], w.net.smtp[1], w.net.smtp[2])
	w.pf("transport \"lmtp\" \"store\" {\n  to = [%q]\n}\n", w.net.lmtp[0])
	w.pf("transport \"lmtp\" \"store2\" {\n  to = [%q, %q]\n}\n", w.net.lmtp[1], w.net.lmtp[0])
	w.pf("transport \"reject\" \"refuse\" {\n  code = 551\n  enhanced = \"5.7.9\"\n  text = \"not here\"\n}\n")
	w.pf("transport \"discard\" \"void\" {\n}\n")
}

// via draws a transport of any kind; final is one that a domain may deliver to.
func (w *world) via() string {
	return pick(w, []string{"internet", "hub", "pair", "tiers", "store", "store2", "refuse", "void"})
}

func (w *world) tables() {
	w.files["transport_map"] = w.transportMap()
	w.pf("table \"file\" \"transport_map\" {\n  path = \"transport_map\"\n  format = \"transport\"\n}\n")
	w.files["users"] = "ann@h0.test 1\nbob@h0.test 1\nann@h1.test 1\nsales@h1.test 1\nbob@h2.test 1\n@h3.test 1\n"
	w.pf("table \"file\" \"users\" {\n  path = \"users\"\n  format = \"map\"\n}\n")
	w.files["virtual"] = w.virtualMap()
	w.pf("table \"file\" \"virtual\" {\n  path = \"virtual\"\n  format = \"virtual\"\n}\n")
	w.files["vips"] = strings.Join(some(w, []string{"ann@h0.test", "far.test", ".other.test", "sales@", "partner.test"}, 3), "\n") + "\n"
	w.pf("table \"file\" \"vips\" {\n  path = \"vips\"\n  format = \"list\"\n}\n")
	w.files["nets"] = "127.0.0.3/32 yes\n127.0.0.4/32 yes\n"
	w.files["pats"] = "/^bob@/ x\n/@sub\\.far\\.test$/ y\n"
	w.pf("table \"file\" \"pats\" {\n  path = \"pats\"\n  format = \"regexp\"\n}\n")
}

func (w *world) transportMap() string {
	var b strings.Builder
	keys := []string{"ann@far.test", "far.test", ".far.test", "other.test", ".other.test", "ann+tag@h0.test", "ann@h0.test", "h1.test", "*"}
	for _, k := range some(w, keys, 5) {
		v := pick(w, []string{":", "hub:", "store:", "smtp:[" + host(w.net.smtp[2]) + "]:" + port(w.net.smtp[2]),
			":[" + host(w.net.smtp[1]) + "]:" + port(w.net.smtp[1]), "lmtp:" + w.net.lmtp[1], "error:no mail here", "discard:", "refuse:"})
		fmt.Fprintf(&b, "%s\t%s\n", k, v)
	}
	return b.String()
}

func (w *world) virtualMap() string {
	var b strings.Builder
	keys := []string{"info@h1.test", "all@h1.test", "@h2.test", "ann+tag@h1.test", "sales@h2.test", "info@h2.test"}
	for _, k := range some(w, keys, 4) {
		fmt.Fprintf(&b, "%s %s\n", k, strings.Join(some(w, []string{"ann@h0.test", "bob@h0.test", "ann@h1.test", "x@far.test", "y@partner.test", "info@h1.test"}, 3), ", "))
	}
	return b.String()
}

func (w *world) domains() {
	n := 2 + w.rng.IntN(3)
	for i := range n {
		name := fmt.Sprintf("h%d.test", i)
		w.hosted = append(w.hosted, name)
		w.pf("domain %q {\n", name)
		w.members(i)
		if w.chance(40) {
			w.pf("  subaddress = \"+\"\n")
		}
		if w.chance(20) {
			w.pf("  catch_all = %q\n", pick(w, []string{"bob@h0.test", "ann@h0.test", "catch@far.test"}))
		}
		w.pf("  deliver = transport.%s\n}\n", pick(w, []string{"store", "store2", "hub", "pair", "void"}))
	}
	w.pf("domain \"twin.test\" {\n  alias_of = \"h0.test\"\n}\n")
	w.hosted = append(w.hosted, "twin.test")
}

// members draws how a domain knows its mailboxes and aliases.
func (w *world) members(i int) {
	switch {
	case i == 0:
		w.pf("  mailboxes = [\"ann\", \"bob\"]\n")
	case w.chance(20):
		w.pf("  mailboxes = \"any\"\n")
	default:
		w.pf("  mailboxes = table.users\n")
	}
	switch {
	case i > 0 && w.chance(60):
		w.pf("  aliases = table.virtual\n")
	case w.chance(80):
		w.pf("  aliases = { \"sales\" = %s, \"all\" = %s, \"info\" = [\"sales\"] }\n",
			quoted(some(w, []string{"ann@h0.test", "bob@h0.test", "out@far.test", "ann@h1.test"}, 3)),
			quoted(some(w, []string{"ann@h0.test", "sales", "all", "nobody@h0.test", "p@partner.test"}, 4)))
	}
}

func (w *world) access() {
	w.pf("relay \"inside\" {\n  client = [\"127.0.0.1\", \"127.0.0.2\"]\n}\n")
	if w.chance(50) {
		w.pf("relay \"bounded\" {\n  client = [\"127.0.0.3\"]\n  recipient = [\"partner.test\", \".far.test\"]\n}\n")
	}
	if w.chance(30) {
		w.pf("deny \"rude\" {\n  client = [\"127.0.0.4\"]\n  sender = [%q]\n}\n", pick(w, w.senders))
	}
	if w.chance(30) {
		w.pf("deny \"greeting\" {\n  helo = [\"odd.example\"]\n  listener = [listener.%s]\n  text = \"say your name\"\n}\n", pick(w, w.listeners))
	}
}

func (w *world) routes() {
	w.nroutes = 2 + w.rng.IntN(8)
	for i := range w.nroutes {
		w.pf("route \"r%d\" {\n", i)
		if w.chance(20) {
			w.pf("  lookup = table.transport_map\n")
			if w.chance(50) {
				w.matcher()
			}
		} else {
			for range 1 + w.rng.IntN(2) {
				w.matcher()
			}
			w.pf("  via = transport.%s\n", w.via())
		}
		if w.chance(25) {
			w.pf("  except {\n")
			w.matcher()
			w.pf("  }\n")
		}
		if w.chance(20) {
			w.pf("  hosted = %v\n", w.chance(70))
		}
		w.pf("}\n")
	}
	if w.chance(60) {
		w.pf("route \"default\" {\n  via = transport.%s\n}\n", pick(w, []string{"internet", "hub", "pair"}))
	}
}

// addressPatterns are drawn for recipient and original.
func (w *world) addressPatterns() string {
	all := []string{`"far.test"`, `".far.test"`, `"ann@"`, `"ann@h0.test"`, `"h1.test"`, `"partner.test"`, `".other.test"`, `"*"`, `"sales@h0.test"`, "table.vips", "table.pats"}
	return "[" + strings.Join(some(w, all, 3), ", ") + "]"
}

// matcher writes one attribute; a name that stands already in the block is left
// out, since HCL has each once.
func (w *world) matcher() {
	block := w.hcl.String()
	block = block[max(strings.LastIndex(block, "route \""), strings.LastIndex(block, "except {"), strings.LastIndex(block, "copy \"")):]
	name, value := w.drawMatcher()
	if !strings.Contains(block, "  "+name+" ") {
		w.pf("  %s = %s\n", name, value)
	}
}

func (w *world) drawMatcher() (name, value string) {
	switch w.rng.IntN(11) {
	case 0, 1:
		return "recipient", w.addressPatterns()
	case 2:
		return "original", w.addressPatterns()
	case 3:
		return "sender", quoted(some(w, append([]string{".far.test", "far.test", "boss@"}, w.senders...), 2))
	case 4:
		return "client", quoted(some(w, []string{"127.0.0.1", "127.0.0.2/31", "127.0.0.4"}, 2))
	case 5:
		return "listener", "[listener." + pick(w, w.listeners) + "]"
	case 6:
		return "helo", quoted(some(w, []string{"client.test", ".corp.test", "odd.example"}, 2))
	case 7:
		return "tls", fmt.Sprint(w.chance(50))
	case 8:
		return "header", fmt.Sprintf("{ \"X-Env\" = %q }", pick(w, []string{"test*", "prod", "*-two"}))
	case 9:
		return "size", fmt.Sprintf("%q", pick(w, []string{">1KB", "<1KB", ">=2KB"}))
	default:
		return "percent", fmt.Sprint(10 + w.rng.IntN(80))
	}
}

func (w *world) copies() {
	for i := range w.rng.IntN(3) {
		w.pf("copy \"c%d\" {\n", i)
		w.matcher()
		w.pf("  to = %q\n", pick(w, []string{"arch@partner.test", "arch@h0.test", "bob@h0.test"}))
		if w.chance(50) {
			w.pf("  via = transport.%s\n", pick(w, []string{"hub", "store2", "pair"}))
		}
		w.pf("}\n")
	}
}

// letter is one envelope with its message.
type letter struct {
	id         string
	listener   string
	client     string
	helo       string
	tls        bool
	sender     string
	recipients []string
	env        string // X-Env, "" for none
	size       int    // octets of the message
}

func (w *world) letter(id string) letter {
	l := letter{
		id:       id,
		listener: pick(w, w.listeners),
		client:   pick(w, clientHosts),
		helo:     pick(w, helos),
		sender:   pick(w, w.senders),
		env:      pick(w, envValues),
		size:     pick(w, []int{500, 1024, 1500, 2048, 3000}),
	}
	l.tls = l.listener == "public" && w.chance(15)
	for range 1 + w.rng.IntN(4) {
		l.recipients = append(l.recipients, w.recipient())
	}
	return l
}

func (w *world) recipient() string {
	domain := pick(w, w.foreign)
	if w.chance(65) {
		domain = pick(w, w.hosted)
	}
	return pick(w, w.locals) + "@" + domain
}

func host(addr string) string { return addr[:strings.LastIndexByte(addr, ':')] }
func port(addr string) string { return addr[strings.LastIndexByte(addr, ':')+1:] }
