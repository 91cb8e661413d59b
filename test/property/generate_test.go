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
	paths     []string // return paths that were forecast
	listeners []string
	space     territory // of the rules that are written now
	second    bool      // there is a second scheme of return paths
	tenants   bool
}

// network is where the captures of a world listen.
type network struct {
	dns      string            // resolver
	mxPort   int               // port of every MX host
	smtp     []string          // host:port of the smarthosts
	lmtp     []string          // host:port of the stores
	old, new string            // host:port of the sides of a migration: smtp and lmtp
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
		locals:  []string{"ann", "bob", "sales", "info", "all", "nobody", "Ann", "ann+tag", "x%y", "postmaster", "team", "Team", "owner-team", "team-request", "team+tag"},
		senders: []string{"<>", "s@far.test", "boss@h0.test", "t@other.test", "x@sub.far.test", "joe@a.corp.test",
			"ann+tag@h0.test", "SRS0=abcd=XY=orig.test=joe@other.test"},
	}
	w.files["srs.key"] = "a secret of the world\n"
	w.tenants = w.chance(60)
	w.space = w.top()
	w.head()
	w.people()
	w.transports()
	w.tables()
	w.forwarding()
	w.domains()
	if w.chance(60) {
		w.list("h0.test", []string{"sales@h1.test", "nobody@h0.test", "info@h2.test", "all@h1.test"})
	}
	w.access()
	w.rewrites()
	w.routes()
	w.copies()
	if w.tenants {
		w.tenant("acme")
		w.tenant("beta")
	}
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
	w.pf("listener \"public\" {\n  bind = [%q]\n  tls = \"offer\"\n  certificate = %q\n}\n", w.net.binds["public"], w.net.certFile)
	w.pf("retry \"never\" {\n  after = [\"1h\"]\n  then = \"1h\"\n  give_up = \"5d\"\n}\n")
}

func (w *world) transports() {
	w.pf("transport \"mx\" \"internet\" {\n  port = %d\n  private = true\n  retry = retry.never\n}\n", w.net.mxPort)
	w.pf("transport \"smtp\" \"hub\" {\n  to = [%q]\n%s}\n", w.net.smtp[0], w.kept())
	w.pf("transport \"smtp\" \"pair\" {\n  to = [%q, %q]\n  balance = \"random\"\n%s}\n", w.net.smtp[1], w.net.smtp[2], w.kept())
	w.pf("transport \"smtp\" \"tiers\" {\n  to = [[%q, %q], [%q]]\n}\n", w.net.smtp[0], w.net.smtp[1], w.net.smtp[2])
	w.pf("transport \"lmtp\" \"store\" {\n  to = [%q]\n%s}\n", w.net.lmtp[0], w.kept())
	w.pf("transport \"lmtp\" \"store2\" {\n  to = [%q, %q]\n}\n", w.net.lmtp[1], w.net.lmtp[0])
	w.pf("transport \"reject\" \"refuse\" {\n  code = 551\n  enhanced = \"5.7.9\"\n  text = \"not here\"\n}\n")
	w.pf("transport \"discard\" \"void\" {\n}\n")
}

// kept draws how a transport tells the original recipient.
func (w *world) kept() string {
	if w.chance(75) {
		return ""
	}
	return fmt.Sprintf("  keep_original = %q\n", pick(w, []string{"x-original-to", "delivered-to", "orcpt"}))
}

// via draws a transport of any kind; final is one that a domain may deliver to.
func (w *world) via() string { return pick(w, w.space.via) }

// file writes a table of a file.
func (w *world) file(name, format, text string) {
	w.files[name] = text
	w.pf("table \"file\" %q {\n  path = %q\n  format = %q\n}\n", name, name, format)
}

func (w *world) tables() {
	w.file("transport_map", "transport", w.transportMap())
	w.file("users", "map", "ann@h0.test 1\nbob@h0.test 1\nann@h1.test 1\nsales@h1.test 1\nbob@h2.test 1\n@h3.test 1\n")
	w.file("virtual", "virtual", w.virtualMap())
	w.file("vips", "list", strings.Join(some(w, []string{"ann@h0.test", "far.test", ".other.test", "sales@", "partner.test"}, 3), "\n")+"\n")
	w.file("pats", "regexp", "/^bob@/ x\n/@sub\\.far\\.test$/ y\n")
	w.file("renames", "virtual", strings.Join(some(w, []string{"ann@h0.test bob@h0.test", "@h1.test @h0.test", "s@far.test x@partner.test",
		"@other.test @far.test", "t@other.test ann@h0.test"}, 4), "\n")+"\n")
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

func host(addr string) string { return addr[:strings.LastIndexByte(addr, ':')] }
func port(addr string) string { return addr[strings.LastIndexByte(addr, ':')+1:] }
