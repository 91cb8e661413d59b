package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/lab"
	"github.com/postroad/postroad/test/peer"
)

// provider is a Postfix with mailboxes of acme.test and ask.test, which sends
// what is for somebody else to far, and some addresses back to us.
func provider(t *testing.T, name string, far, us string, users, back []string) *peer.Postfix {
	t.Helper()
	var boxes, ways []string
	for _, u := range slices.Concat(users, back) {
		local, _, _ := strings.Cut(u, "@")
		boxes = append(boxes, fmt.Sprintf("{%s = %s/}", u, local))
	}
	for _, u := range back {
		host, port, _ := strings.Cut(us, ":")
		ways = append(ways, fmt.Sprintf("{%s = smtp:[%s]:%s}", u, host, port))
	}
	host, port, _ := strings.Cut(far, ":")
	main := "myhostname = " + name + "\nvirtual_mailbox_domains = acme.test, ask.test\nvirtual_mailbox_base = $mail_spool_directory\n" +
		"virtual_uid_maps = static:65534\nvirtual_gid_maps = static:65534\n" +
		"virtual_mailbox_maps = inline:{ " + strings.Join(boxes, ", ") + " }\n" +
		fmt.Sprintf("relayhost = [%s]:%s\n", host, port)
	if len(ways) > 0 {
		main += "transport_maps = inline:{ " + strings.Join(ways, ", ") + " }\n"
	}
	p := peer.StartPostfix(t, main)
	if err := os.Chmod(filepath.Join(p.Dir, "spool"), 0o777); err != nil {
		t.Fatal(err)
	}
	return p
}

// arrived counts by X-Id what is in the mailboxes of a provider.
func arrived(t *testing.T, p *peer.Postfix, counts map[string]int) {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(p.Dir, "spool", "*", "new", "*"))
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(b), "X-Id: ")
		id, _, _ := strings.Cut(rest, "\n")
		counts[strings.TrimSpace(id)]++
	}
}

// moving is postroad between two providers.
type moving struct {
	*peer.Postroad
	smtp     string
	old, new *peer.Postfix
	far      *lab.Receiver
}

func newMoving(t *testing.T, movers []string) *moving {
	t.Helper()
	far, err := lab.Listen(lab.Config{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	m := &moving{smtp: peer.FreePort(t), far: far}
	// dave is known to the new side only, although nobody moved him; what comes for
	// carol the old side sends back to us, and both do for loop.
	m.old = provider(t, "old.test", far.Addr, m.smtp, slices.Concat(movers, []string{"ed@acme.test", "pat@ask.test"}), []string{"carol@acme.test", "loop@acme.test"})
	m.new = provider(t, "new.test", far.Addr, m.smtp, slices.Concat(movers, []string{"dave@acme.test", "carol@acme.test", "quinn@ask.test"}), []string{"loop@acme.test"})
	dir := peer.Dir(t)
	m.Postroad = peer.StartPostroad(t, dir, head(dir, m.smtp)+fmt.Sprintf(`
transport "smtp" "old" { to = [%q] }
transport "smtp" "new" { to = [%q] }
transport "smtp" "far" { to = [%q] }
route "default" { via = transport.far }
table "inline" "moved" { entries = ["ed@acme.test"] }
domain "acme.test" {
  mailboxes = "any"
  migration {
    new     = transport.new
    old     = transport.old
    moved   = table.moved
    unknown = "try-other"
  }
}
domain "ask.test" {
  mailboxes = "ask"
  migration {
    new     = transport.new
    old     = transport.old
    unknown = "try-other"
  }
}
`, m.old.Addr, m.new.Addr, far.Addr), m.smtp)
	return m
}

// send gives a message to postroad and wants it to be taken.
func (m *moving) send(t *testing.T, to, id string) {
	t.Helper()
	r, err := lab.Send(m.smtp, "s@far.test", []string{to}, []byte("Subject: x\r\nX-Id: "+id+"\r\n\r\nbody\r\n"))
	if err != nil || !r.Accepted() {
		t.Errorf("%s for %s: %v %v", id, to, err, r.Refusal())
	}
}

// waitAll waits until every id is in a mailbox, and gives how often each is.
func (m *moving) waitAll(t *testing.T, ids []string) map[string]int {
	t.Helper()
	var counts map[string]int
	peer.WaitFor(t, 60*time.Second, func() error {
		counts = map[string]int{}
		arrived(t, m.old, counts)
		arrived(t, m.new, counts)
		for _, id := range ids {
			if counts[id] == 0 {
				return fmt.Errorf("%s has not arrived", id)
			}
		}
		return nil
	})
	return counts
}

// Addresses move while mail for them comes: nothing is lost, nothing that has a
// home bounces, and nothing goes round more than once.
func TestMigrationBetweenTwoPostfix(t *testing.T) {
	var movers []string
	for i := range 8 {
		movers = append(movers, fmt.Sprintf("u%d@acme.test", i))
	}
	m := newMoving(t, movers)
	var ids []string
	var traffic sync.WaitGroup
	for i, to := range slices.Concat(movers, []string{"carol@acme.test", "dave@acme.test", "ed@acme.test"}) {
		for n := range 12 {
			ids = append(ids, fmt.Sprintf("%d-%d", i, n))
		}
		traffic.Go(func() {
			for n := range 12 {
				m.send(t, to, fmt.Sprintf("%d-%d", i, n))
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	time.Sleep(100 * time.Millisecond)
	peer.Run(t, m.Bin, "migration", "move", "acme.test", "u0", "u1", "u2", "u3", "-c", m.Config)
	time.Sleep(50 * time.Millisecond)
	peer.Run(t, m.Bin, "migration", "rollback", "acme.test", "u1", "-c", m.Config)
	traffic.Wait()
	for id, n := range m.waitAll(t, ids) {
		if n != 1 {
			t.Errorf("%s arrived %d times", id, n)
		}
	}
	m.send(t, "u0@acme.test", "last")
	m.waitAll(t, []string{"last"})
	atNew := map[string]int{}
	if arrived(t, m.new, atNew); atNew["last"] != 1 {
		t.Error("who moved does not get mail at the new side")
	}
	if got := m.far.Messages(); len(got) != 0 {
		t.Errorf("%d messages went back, the first is\n%s", len(got), got[0].Data)
	}
	status := peer.Run(t, m.Bin, "migration", "status", "acme.test", "--json", "-c", m.Config)
	if !strings.Contains(status, `"onlyOld":["ed@acme.test"]`) || !strings.Contains(status, `dave@acme.test"]`) || !strings.Contains(status, `"back":["u1@acme.test"]`) {
		t.Errorf("who is known to one side only, and who went back, is not told: %s", status)
	}

	// What both sides send back is refused when it has been at both, and reported
	// once; whom neither knows bounces.
	m.send(t, "loop@acme.test", "loop")
	m.send(t, "nobody@acme.test", "nobody")
	if _, err := m.far.WaitMessages(2, 30*time.Second); err != nil {
		t.Fatalf("no reports: %v", err)
	}
	time.Sleep(time.Second)
	if got := m.far.Messages(); len(got) != 2 {
		t.Errorf("%d reports, want 2", len(got))
	}
	m.asks(t)
}

// asks: the sides are asked at RCPT, the home first.
func (m *moving) asks(t *testing.T) {
	t.Helper()
	for to, want := range map[string]string{"pat@ask.test": "", "quinn@ask.test": "", "nobody@ask.test": "550"} {
		r, err := lab.Send(m.smtp, "s@far.test", []string{to}, []byte("X-Id: "+to+"\r\n\r\nbody\r\n"))
		if err != nil || r.Accepted() != (want == "") || want != "" && fmt.Sprint(r.Refusal().Code) != want {
			t.Errorf("%s: %v %v, want %q", to, err, r.Refusal(), want)
		}
	}
	for id, n := range m.waitAll(t, []string{"pat@ask.test", "quinn@ask.test"}) {
		if strings.HasSuffix(id, "@ask.test") && n != 1 {
			t.Errorf("%s arrived %d times", id, n)
		}
	}
}
