package deliver

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/spool"
)

// reusing is a world with one host behind an smtp transport that keeps its
// connections.
func reusing(t *testing.T, h *host) (*world, *config.Transport) {
	w := newWorld(t)
	w.hosts["10.0.0.1:25"] = h
	return w, w.transport(&config.Transport{Name: "t", Kind: decide.KindSMTP, Reuse: true, Tiers: [][]string{{"10.0.0.1"}}})
}

func (w *world) deliver(a queue.Attempt) {
	w.t.Helper()
	if res := w.d.Attempt(context.Background(), a); res.Recipients[0].State != spool.Delivered {
		w.t.Errorf("%s", told(a, res))
	}
}

func TestConnectionIsReused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{ehlo: "PIPELINING"}
		w, _ := reusing(t, h)
		for range 3 {
			w.deliver(job("t", "a@d.example"))
			time.Sleep(idleMax - time.Millisecond)
		}
		if h.seen().conns != 1 || len(h.seen().messages) != 3 || w.d.Counters().Reused.Load() != 2 {
			t.Errorf("%d connections, %d messages", h.seen().conns, len(h.seen().messages))
		}
	})
}

func TestIdleConnectionIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{}
		w, _ := reusing(t, h)
		w.deliver(job("t", "a@d.example"))
		time.Sleep(idleMax + time.Millisecond)
		synctest.Wait()
		if h.seen().said[len(h.seen().said)-1] != "QUIT" || w.d.pool.size != 0 {
			t.Errorf("said %q, pool %d", h.seen().said, w.d.pool.size)
		}
		w.deliver(job("t", "a@d.example"))
		if h.seen().conns != 2 {
			t.Errorf("%d connections", h.seen().conns)
		}
	})
}

// The age counts from the connect, however busy the connection is.
func TestOldConnectionIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{}
		w, _ := reusing(t, h)
		begun := time.Now()
		for time.Since(begun) <= ageMax {
			w.deliver(job("t", "a@d.example"))
			if h.seen().conns != 1 && time.Since(begun) < ageMax {
				t.Fatalf("a new connection after %v", time.Since(begun))
			}
			time.Sleep(time.Second)
		}
		w.deliver(job("t", "a@d.example"))
		if h.seen().conns != 2 {
			t.Errorf("%d connections after %v", h.seen().conns, time.Since(begun))
		}
	})
}

func TestCloseEndsIdleConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{}
		w, _ := reusing(t, h)
		w.deliver(job("t", "a@d.example"))
		_ = w.d.Close()
		synctest.Wait()
		if h.seen().said[len(h.seen().said)-1] != "QUIT" {
			t.Errorf("said %q", h.seen().said)
		}
		w.deliver(job("t", "a@d.example")) // late, and not kept
		if w.d.pool.size != 0 {
			t.Errorf("kept %d after Close", w.d.pool.size)
		}
	})
}

// Two uses that differ in any part of the identity never share a connection.
func TestReuseStaysWithinOneIdentity(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(w *world, tr *config.Transport, a *queue.Attempt)
		shared bool
	}{
		{"the same", func(*world, *config.Transport, *queue.Attempt) {}, true},
		{"another sender", func(_ *world, _ *config.Transport, a *queue.Attempt) { a.Job.Sender.Address = address("x@y.example") }, true},
		{"another transport to the same place in the same way", func(w *world, tr *config.Transport, a *queue.Attempt) {
			other := *tr
			other.Name = "t2"
			w.transport(&other)
			a.Job.Lane.Transport = "t2"
		}, true},
		{"tenant", func(_ *world, _ *config.Transport, a *queue.Attempt) { a.Job.Lane.Tenant = "acme" }, false},
		{"host", func(w *world, tr *config.Transport, _ *queue.Attempt) {
			w.hosts["10.0.0.2:25"] = w.hosts["10.0.0.1:25"]
			tr.Tiers = [][]string{{"10.0.0.2"}}
		}, false},
		{"port", func(w *world, tr *config.Transport, _ *queue.Attempt) {
			w.hosts["10.0.0.1:26"] = w.hosts["10.0.0.1:25"]
			tr.Tiers = [][]string{{"10.0.0.1:26"}}
		}, false},
		{"name of the same address", func(w *world, tr *config.Transport, _ *queue.Attempt) {
			w.zone.addrs["h.example"] = order(append(w.zone.addrs["h.example"], mustAddr("10.0.0.1")))
			tr.Tiers = [][]string{{"h.example"}}
		}, false},
		{"TLS policy", func(_ *world, tr *config.Transport, _ *queue.Attempt) { tr.TLS = config.TLSOffer }, false},
		{"source", func(_ *world, tr *config.Transport, _ *queue.Attempt) { tr.Source4 = mustAddr("198.51.100.1") }, false},
		{"source of the other family", func(_ *world, tr *config.Transport, _ *queue.Attempt) { tr.Source6 = mustAddr("2001:db8::1") }, true},
		{"EHLO name", func(_ *world, tr *config.Transport, _ *queue.Attempt) { tr.Hostname = "out.example" }, false},
		{"protocol", func(_ *world, tr *config.Transport, _ *queue.Attempt) {
			tr.Kind, tr.Tiers = decide.KindLMTP, [][]string{{"10.0.0.1:25"}}
		}, false},
		{"reuse switched off", func(_ *world, tr *config.Transport, _ *queue.Attempt) { tr.Reuse = false }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &host{}
				w, tr := reusing(t, h)
				w.deliver(job("t", "a@d.example"))
				a := job("t", "a@d.example")
				c.change(w, tr, &a)
				w.deliver(a)
				if shared := h.seen().conns == 1; shared != c.shared {
					t.Errorf("%d connections", h.seen().conns)
				}
			})
		})
	}
}

// Who logs in as somebody else does not speak in the name of the first.
func TestCredentialsArePartOfTheIdentity(t *testing.T) {
	t.Setenv("POSTROAD_TEST_PASS1", "p")
	t.Setenv("POSTROAD_TEST_PASS2", "p")
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		h := &host{ehlo: "AUTH PLAIN"}
		w.hosts["127.0.0.1:25"] = h
		for i, c := range []struct{ user, env string }{{"", ""}, {"u", "POSTROAD_TEST_PASS1"}, {"v", "POSTROAD_TEST_PASS1"}, {"v", "POSTROAD_TEST_PASS2"}} {
			tr := &config.Transport{Name: "t", Kind: decide.KindSMTP, Reuse: true, User: c.user, Tiers: [][]string{{"127.0.0.1"}}}
			if c.env != "" {
				tr.Pass = &config.Secret{Env: c.env}
			}
			w.transport(tr)
			w.deliver(job("t", "a@d.example"))
			if h.seen().conns != i+1 {
				t.Errorf("%+v: %d connections", c, h.seen().conns)
			}
		}
	})
}

// After 421, a protocol error or a reply x0z a connection carries no further
// message; after an ordinary refusal it does.
func TestSpentConnections(t *testing.T) {
	for _, c := range []struct {
		h      *host
		reused bool
	}{
		{&host{end: "554 5.7.1 spam"}, true},
		{&host{rcpt: map[string]string{"a": "550 5.1.1 no"}}, true},
		{&host{mail: "451 4.3.2 later"}, true},
		{&host{end: "451 4.3.0 later"}, true},
		{&host{mail: "421 4.3.2 bye"}, false},
		{&host{rcpt: map[string]string{"a": "503 5.5.1 order"}}, false},
		{&host{mail: "501 5.5.4 syntax"}, false},
		{&host{rcpt: map[string]string{"a": "xyz"}}, false},
		{&host{end: "drop"}, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			w, _ := reusing(t, c.h)
			w.d.Attempt(context.Background(), job("t", "a@d.example"))
			w.d.Attempt(context.Background(), job("t", "a@d.example"))
			if reused := c.h.seen().conns == 1; reused != c.reused {
				t.Errorf("%+v: %d connections", c.h, c.h.seen().conns)
			}
		})
	}
}

// A connection that the host closed while it was idle costs nothing but a new
// one, also when all that was said is 421.
func TestStaleConnectionIsReplaced(t *testing.T) {
	for _, reply := range []string{"drop", "421 4.4.2 idle"} {
		synctest.Test(t, func(t *testing.T) {
			h := &host{ehlo: "PIPELINING"}
			w, _ := reusing(t, h)
			w.deliver(job("t", "a@d.example"))
			h.note(func() { h.mail = reply })
			fresh := &host{ehlo: "PIPELINING"}
			w.hosts["10.0.0.1:25"] = fresh
			w.deliver(job("t", "a@d.example"))
			if h.seen().mails != 2 || fresh.seen().mails != 1 || len(fresh.seen().messages) != 1 {
				t.Errorf("%s: %d %d", reply, h.seen().mails, fresh.seen().mails)
			}
		})
	}
}

// RSET stands between an unfinished transaction and the next.
func TestUnfinishedTransactionIsReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{rcpt: map[string]string{"bad": "550 5.1.1 no"}}
		w, _ := reusing(t, h)
		w.d.Attempt(context.Background(), job("t", "bad@d.example"))
		w.deliver(job("t", "a@d.example"))
		want := "[EHLO me.example MAIL FROM:<s@example.org> RCPT TO:<bad@d.example> RSET MAIL FROM:<s@example.org> RCPT TO:<a@d.example> DATA]"
		if got := fmt.Sprint(h.seen().said); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}
