package interop

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/lab"
	"github.com/postroad/postroad/test/peer"
)

// asking is postroad before a Postfix that alone knows who is there.
type asking struct {
	*peer.Postroad
	t             *testing.T
	dir           string
	smtp, console string
	config        string
	behind        *peer.Postfix
}

// How long answers count here, and what a client waits at most.
const (
	askFresh   = 3 * time.Second
	askServes  = 18 * time.Second
	askTimeout = time.Second
)

func startAsking(t *testing.T) *asking {
	t.Helper()
	a := &asking{t: t, behind: receivingPostfix(t, ""), dir: peer.Dir(t), smtp: peer.FreePort(t), console: peer.FreePort(t)}
	a.config = head(a.dir, a.smtp) + fmt.Sprintf(`
console {
  bind = [%q]
}
transport "smtp" "pf" {
  to = [%q]
}
domain "pf.test" {
  mailboxes = "ask"
  deliver   = transport.pf
  ask {
    known           = %q
    known_refresh   = %q
    unknown         = %q
    unknown_refresh = %q
    timeout         = %q
  }
}
`, a.console, a.behind.Addr, askServes, askFresh, askServes, askFresh, askTimeout)
	a.Postroad = peer.StartPostroad(t, a.dir, a.config, a.smtp)
	return a
}

// restart ends the server and starts it again on the same data.
func (a *asking) restart() {
	a.t.Helper()
	if err := a.Cmd.Process.Signal(os.Interrupt); err != nil {
		a.t.Fatal(err)
	}
	if err := a.Cmd.Wait(); err != nil {
		a.t.Fatal(err)
	}
	a.Postroad = peer.StartPostroad(a.t, a.dir, a.config, a.smtp)
}

// rcpt is what RCPT for each of the names is told, in time.
func rcpt(t *testing.T, addr, domain string, names ...string) []int {
	t.Helper()
	d, err := lab.Dial(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Reply(); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"EHLO client.test", "MAIL FROM:<s@far.test>"} {
		if r, err := d.Command(line); err != nil || !r.Positive() {
			t.Fatalf("%s: %v %v", line, r, err)
		}
	}
	var out []int
	for _, name := range names {
		at := time.Now()
		r, err := d.Command("RCPT TO:<" + name + "@" + domain + ">")
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(at); took > replyLimit {
			t.Errorf("%s waited %v for %d", name, took, r.Code)
		}
		out = append(out, r.Code)
	}
	return out
}

// said holds the replies against what they must be.
func (a *asking) said(when string, want map[string]int) {
	a.t.Helper()
	for name, code := range want {
		if got := rcpt(a.t, a.smtp, "pf.test", name); got[0] != code {
			a.t.Errorf("%s: %s got %d, want %d", when, name, got[0], code)
		}
	}
}

// becomes waits until the replies are these.
func (a *asking) becomes(want map[string]int) {
	a.t.Helper()
	peer.WaitFor(a.t, 20*time.Second, func() error {
		for name, code := range want {
			if got := rcpt(a.t, a.smtp, "pf.test", name); got[0] != code {
				return fmt.Errorf("%s got %d, want %d", name, got[0], code)
			}
		}
		return nil
	})
}

// count reads a counter.
func (a *asking) count(name string) int {
	a.t.Helper()
	resp, err := http.Get("http://" + a.console + "/metrics")
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^` + name + ` (\d+)$`).FindSubmatch(b)
	if m == nil {
		a.t.Fatalf("no metric %s", name)
	}
	n, _ := strconv.Atoi(string(m[1]))
	return n
}

// Whom a domain's own Postfix knows is told at RCPT: from it while it answers,
// from what it said before while it does not, and "later" of those it was never
// asked about. Nothing of that is lost with a restart.
func TestPostfixIsAskedAtRcpt(t *testing.T) {
	t.Parallel()
	a := startAsking(t)
	both := map[string]int{"ann": 250, "ghost": 550}
	a.said("up", both)
	asked := a.count("postroad_verify_asked_total")
	a.said("up and known", both)
	if n := a.count("postroad_verify_asked_total"); asked != 2 || n != asked {
		t.Errorf("%d questions, then %d: want one for each name", asked, n)
	}

	begun := time.Now()
	a.behind.Freeze()
	a.said("frozen, fresh", both)
	if n := a.count("postroad_verify_asked_total"); n != asked {
		t.Errorf("what is fresh was asked again")
	}
	a.said("frozen, never asked", map[string]int{"bob": 451, "nobody": 451})
	time.Sleep(askFresh - time.Since(begun))
	a.said("frozen, stale", both)
	if n := a.count("postroad_verify_stale_total"); n != 2 {
		t.Errorf("%d stale answers, want 2", n)
	}
	a.restart()
	a.said("frozen, stale, after a restart", map[string]int{"ann": 250, "ghost": 550, "bob": 451})
	time.Sleep(askServes + time.Second - time.Since(begun))
	a.said("frozen, too old", map[string]int{"ann": 451, "ghost": 451})
	a.behind.Thaw()
	a.becomes(map[string]int{"ann": 250, "ghost": 550, "bob": 250, "nobody": 550})

	a.behind.End()
	a.restart()
	a.said("ended, after a restart", map[string]int{"ann": 250, "ghost": 550, "carol": 451})
	r, err := lab.Send(a.smtp, "s@far.test", []string{"ann@pf.test"}, []byte("Subject: x\r\n\r\nx\r\n"))
	if err != nil || !r.Accepted() {
		t.Errorf("mail for whom it knows is not taken: %v %v", err, r.Refusal())
	}
	a.behind.Start()
	a.becomes(map[string]int{"carol": 550})
	a.said("back", both)
}
