package interop

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/lab"
	"github.com/postroad/postroad/test/peer"
)

// An outage is a server with mailboxes in a table, under traffic for somebody
// who is there and somebody who is not, while the table's own server goes away
// and comes back.
type outage struct {
	t       *testing.T
	server  *peer.Postroad
	bind    string
	console string
	traffic []*traffic
	stop    context.CancelFunc
	clients sync.WaitGroup
}

// replyLimit bounds the reply to RCPT: the table's time-out in these tests, 1s,
// and what a busy machine adds.
const replyLimit = 4 * time.Second

// pair is two local parts: of somebody who is there, and of somebody who is not.
type pair struct{ known, unknown string }

// startOutage serves with this table "users", which knows known@out.test, and
// begins the traffic.
func startOutage(t *testing.T, table string) *outage {
	t.Helper()
	return startOutageOf(t, table, pair{"known", "unknown"})
}

func startOutageOf(t *testing.T, table string, users pair) *outage {
	t.Helper()
	dir := peer.Dir(t)
	o := &outage{t: t, bind: peer.FreePort(t), console: peer.FreePort(t)}
	o.server = peer.StartPostroad(t, dir, fmt.Sprintf(`hostname = "edge.test"
data = %q
listener "in" {
  bind = [%q]
}
console {
  bind = [%q]
}
transport "discard" "void" {}
domain "out.test" {
  mailboxes = table.users
  deliver   = transport.void
}
`, filepath.Join(dir, "data"), o.bind, o.console)+table, o.bind)
	ctx, stop := context.WithCancel(t.Context())
	o.stop = stop
	for range 4 {
		tr := &traffic{users: users}
		o.traffic = append(o.traffic, tr)
		o.clients.Go(func() { tr.run(ctx, o.bind) })
	}
	t.Cleanup(o.finish)
	return o
}

// finish ends the traffic and holds all replies against what may be.
func (o *outage) finish() {
	o.stop()
	o.clients.Wait()
	accepted := 0
	for _, tr := range o.traffic {
		for _, r := range tr.replies {
			switch {
			case r.err != nil:
				o.t.Errorf("a session broke: %v", r.err)
			case r.took > replyLimit:
				o.t.Errorf("%s waited %v for %d", r.to, r.took, r.code)
			case r.code/100 == 4, r.to == "unknown" && r.code == 550:
			case r.to == "known" && r.code == 250:
				accepted++
			default:
				o.t.Errorf("%s got %d", r.to, r.code)
			}
		}
	}
	if accepted == 0 {
		o.t.Error("nothing was accepted at all")
	}
	if failed := o.metric("postroad_deliver_failed_total"); failed != "0" {
		o.t.Errorf("%s recipients bounced", failed)
	}
}

func (o *outage) metric(name string) string {
	resp, err := http.Get("http://" + o.console + "/metrics")
	if err != nil {
		o.t.Error(err)
		return ""
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		o.t.Error(err)
	}
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\S+)$`).FindSubmatch(b)
	if m == nil {
		o.t.Errorf("no metric %s", name)
		return ""
	}
	return string(m[1])
}

// becomes waits until the latest replies of all clients are these.
func (o *outage) becomes(known, unknown int) {
	o.t.Helper()
	since := time.Now()
	peer.WaitFor(o.t, 40*time.Second, func() error {
		for _, tr := range o.traffic {
			if err := tr.latest(since, map[string]int{"known": known, "unknown": unknown}); err != nil {
				return err
			}
		}
		return nil
	})
}

// stays looks for so long that replies are these and no others.
func (o *outage) stays(d time.Duration, known, unknown int) {
	o.t.Helper()
	since := time.Now()
	time.Sleep(d)
	n := 0
	for _, tr := range o.traffic {
		for _, r := range tr.since(since) {
			n++
			if want := map[string]int{"known": known, "unknown": unknown}[r.to]; r.code != want {
				o.t.Errorf("%s got %d, want %d", r.to, r.code, want)
			}
		}
	}
	if n == 0 {
		o.t.Error("there was no traffic")
	}
}

// traffic is one client, and what it was told.
type traffic struct {
	users   pair
	mu      sync.Mutex // guards replies
	replies []told
}

// told is a reply to RCPT.
type told struct {
	at   time.Time // when it was asked
	to   string    // known, unknown
	code int
	took time.Duration
	err  error
}

func (tr *traffic) run(ctx context.Context, addr string) {
	for ctx.Err() == nil {
		if err := tr.message(ctx, addr); err != nil && ctx.Err() == nil {
			tr.add(told{at: time.Now(), err: err})
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// message sends one message to both, as far as it goes.
func (tr *traffic) message(ctx context.Context, addr string) error {
	d, err := lab.Dial(ctx, addr)
	if err != nil {
		return err
	}
	defer d.Close()
	if _, err := d.Reply(); err != nil {
		return err
	}
	for _, line := range []string{"EHLO client.test", "MAIL FROM:<s@far.test>"} {
		if _, err := d.Command(line); err != nil {
			return err
		}
	}
	accepted := false
	for _, to := range []string{"known", "unknown"} {
		local := map[string]string{"known": tr.users.known, "unknown": tr.users.unknown}[to]
		at := time.Now()
		r, err := d.Command("RCPT TO:<" + local + "@out.test>")
		if err != nil {
			return err
		}
		tr.add(told{at: at, to: to, code: r.Code, took: time.Since(at)})
		accepted = accepted || r.Positive()
	}
	if accepted {
		if _, err := d.Command("DATA"); err != nil {
			return err
		}
		if r, err := d.Command("Subject: x\r\n\r\nbody\r\n."); err != nil || r.Code/100 == 5 {
			return fmt.Errorf("data: %v %w", r, err)
		}
	}
	_, err = d.Command("QUIT")
	return err
}

func (tr *traffic) add(r told) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.replies = append(tr.replies, r)
}

func (tr *traffic) since(at time.Time) []told {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for i, r := range tr.replies {
		if !r.at.Before(at) {
			return append([]told(nil), tr.replies[i:]...)
		}
	}
	return nil
}

// latest tells what is missing before the last replies are these.
func (tr *traffic) latest(since time.Time, want map[string]int) error {
	got := map[string]told{}
	for _, r := range tr.since(since) {
		if r.err != nil {
			return r.err
		}
		got[r.to] = r
	}
	for to, code := range want {
		if got[to].code != code {
			return fmt.Errorf("%s got %d, want %d", to, got[to].code, code)
		}
	}
	return nil
}

// throughOutages takes the process away in both ways.
func throughOutages(t *testing.T, table string, p *peer.Process, wait func()) {
	t.Helper()
	startOutage(t, table).through(p, wait)
}

func (o *outage) through(p *peer.Process, wait func()) {
	t := o.t
	t.Helper()
	o.becomes(250, 550)
	t.Log("its end")
	p.End()
	o.becomes(451, 451)
	o.stays(2*time.Second, 451, 451)
	p.Start()
	wait()
	o.becomes(250, 550)
	t.Log("frozen")
	p.Freeze()
	o.becomes(451, 451)
	o.stays(3*time.Second, 451, 451)
	p.Thaw()
	o.becomes(250, 550)
	o.stays(time.Second, 250, 550)
}

// quoted is a text as HCL writes it.
func quoted(s string) string { return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"` }
