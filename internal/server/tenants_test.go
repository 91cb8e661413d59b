package server_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/lab"
	"github.com/postroad/postroad/internal/server/control"
)

// tenants is two tenants behind one listener: what acme's aliases forward leaves
// by its own smarthost, globex has a store.
func (w *world) tenants(more string) string {
	return w.base() + w.routes("away") + fmt.Sprintf(`
tenant "acme" {
  hostname = "acme.test"
  domain "acme.test" {
    mailboxes = ["bob"]
    aliases   = { "team" = ["bob", "team@globex.test", "out@far.test"], "ring" = "ring@globex.test" }
    deliver   = transport.own
  }
  transport "smtp" "own" {
    to = [%q]
  }
  route "out" {
    via = transport.away
  }
%s}

tenant "globex" {
  domain "globex.test" {
    mailboxes = ["eve"]
    aliases   = { "team" = "eve", "ring" = "ring@acme.test" }
    deliver   = transport.store
  }
  copy "journal" {
    original = ["team@globex.test"]
    to       = "journal@archive.test"
    via      = transport.away
  }
}
`, w.relay.Addr, more)
}

// An alias into another tenant leaves and comes in again: the other's alias and
// journal see it, the first one's rules do not see what became of it.
func TestMailCrossesTenants(t *testing.T) {
	w := newWorld(t)
	w.configure(w.tenants(""))
	w.start()
	if r := w.send("team@acme.test"); !r.Accepted() {
		t.Fatalf("refused: %v", r.Refusal())
	}
	eve := w.arrived(w.store, 1)[0]
	text := string(eve.Data)
	if len(eve.To()) != 1 || eve.To()[0] != "eve@globex.test" || eve.Sender != "s@far.test" {
		t.Errorf("globex's store got %+v", eve)
	}
	if strings.Count(text, "Received: ") != 2 || !strings.Contains(text, "Delivered-To: team@acme.test\r\n") {
		t.Errorf("it does not tell its way:\n%s", text)
	}
	at := map[string]int{}
	for _, m := range w.arrived(w.relay, 3) {
		for _, to := range m.To() {
			at[to]++
		}
	}
	if at["bob@acme.test"] != 1 || at["out@far.test"] != 1 || at["journal@archive.test"] != 1 || len(at) != 3 {
		t.Errorf("the relay got %v", at)
	}
	w.eventually("the queue is empty", func() bool { return len(w.queued(control.Selection{All: true})) == 0 })
}

// A loop between tenants ends after one turn, and the sender is told.
func TestLoopBetweenTenantsEnds(t *testing.T) {
	w := newWorld(t)
	w.configure(w.tenants(""))
	w.start()
	if r := w.send("ring@acme.test"); !r.Accepted() {
		t.Fatalf("refused: %v", r.Refusal())
	}
	report := w.arrived(w.relay, 1)[0]
	if report.Sender != "" || report.To()[0] != "s@far.test" || !strings.Contains(string(report.Data), "5.4.6") {
		t.Errorf("the sender was told by %+v\n%s", report, report.Data)
	}
	w.eventually("the queue is empty", func() bool { return len(w.queued(control.Selection{All: true})) == 0 })
}

// A tenant's quota is its own: the other goes on.
func TestQuotaIsTheTenants(t *testing.T) {
	w := newWorld(t)
	w.configure(w.tenants("  limits {\n    messages   = \"1/d\"\n    recipients = 1\n  }\n"))
	w.start()
	if r := w.send("bob@acme.test", "ring@acme.test").Refusal(); r.Code != 452 {
		t.Errorf("a second recipient was answered %v", r)
	}
	for n := 0; ; n++ {
		r := w.send("bob@acme.test")
		if !r.Accepted() {
			if code := r.Refusal().Code; code != 451 || n > 10 {
				t.Errorf("message %d was answered %v", n, r.Refusal())
			}
			break
		}
		if n > 20 {
			t.Fatal("nothing bounds acme")
		}
	}
	if r := w.send("eve@globex.test"); !r.Accepted() {
		t.Errorf("globex was refused: %v", r.Refusal())
	}
}

// A share of the queue is counted where the mail waits.
func TestQueueShare(t *testing.T) {
	w := newWorld(t)
	w.configure(strings.Replace(w.tenants("  limits {\n    queue = 2\n  }\n"), w.relay.Addr, "127.0.0.1:1", 1))
	w.start()
	for range 2 {
		if r := w.send("bob@acme.test"); !r.Accepted() {
			t.Fatalf("refused: %v", r.Refusal())
		}
	}
	w.eventually("acme's share is full", func() bool {
		time.Sleep(50 * time.Millisecond)
		return w.send("bob@acme.test").Refusal().Code == 451
	})
}

// Rewriting, return paths and lists of a tenant are of its own mail: what goes to
// the other tenant comes there as it left the first.
func TestRulesOfATenant(t *testing.T) {
	w := newWorld(t)
	w.write("srs.key", "secret\n")
	w.configure(w.tenants(`  rewrite "names" {
    headers = ["From"]
    map     = { "boss@far.test" = "shown@acme.test" }
  }
  srs "default" {
    domain = "srs.acme.test"
    secret = file("srs.key")
  }
  list "all" {
    address = "all@acme.test"
    owner   = "bob@acme.test"
    members = ["eve@globex.test", "out@far.test"]
  }
`))
	w.start()
	body := []byte("From: Boss <boss@far.test>\r\nSubject: x\r\n\r\nbody\r\n")
	send := func(from, to string) {
		t.Helper()
		if r, err := lab.Send(w.addr(), from, []string{to}, body); err != nil || !r.Accepted() {
			t.Fatalf("%s to %s: %v %v", from, to, r.Refusal(), err)
		}
	}
	send("s@far.test", "all@acme.test")
	eve, out := w.arrived(w.store, 1)[0], w.arrived(w.relay, 1)[0]
	for _, m := range []lab.Message{eve, out} {
		if m.Sender != "owner-all@acme.test" || !strings.Contains(string(m.Data), "From: Boss <shown@acme.test>\r\n") {
			t.Errorf("a member got %+v\n%s", m, m.Data)
		}
	}
	send("s@far.test", "eve@globex.test")
	if other := w.arrived(w.store, 2)[1]; !strings.Contains(string(other.Data), "From: Boss <boss@far.test>\r\n") {
		t.Errorf("globex's own mail was rewritten:\n%s", other.Data)
	}
	send("s@far.test", "team@acme.test")
	back := ""
	for _, m := range w.arrived(w.relay, 4) {
		if m.To()[0] == "out@far.test" && strings.HasPrefix(m.Sender, "SRS0=") {
			back = m.Sender
		}
	}
	if !strings.HasSuffix(back, "@srs.acme.test") {
		t.Fatalf("forwarded from %q", back)
	}
	send("", back)
	if report := w.arrived(w.relay, 5)[4]; report.To()[0] != "s@far.test" || report.Sender != "" {
		t.Errorf("the report went to %+v", report)
	}
}
