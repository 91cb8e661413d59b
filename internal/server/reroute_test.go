package server_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/lab"
	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/server/control"
)

// Routes change and mail is rerouted while it comes in and goes out by both ways:
// each recipient gets it once.
func TestRerouteInTraffic(t *testing.T) {
	const messages, turns = 150, 12
	w := newWorld(t)
	other := w.receiver(lab.Config{Name: "other.lab"})
	for _, r := range []*lab.Receiver{w.relay, other} {
		r.On(lab.Rule{At: lab.Data, Delay: 50 * time.Millisecond})
	}
	configure := func(a, b string) {
		ways := ""
		for name, to := range map[string]string{"one": w.relay.Addr, "two": other.Addr} {
			ways += fmt.Sprintf("transport \"smtp\" %q {\n  to = [%q]\n  connections = 3\n}\n", name, to)
		}
		w.configure(w.base() + ways +
			"route \"near\" {\n  recipient = [\"near.test\"]\n  via = transport." + a + "\n}\n" + w.routes(b))
	}
	configure("one", "two")
	w.start()
	sent := make(chan error, 1)
	go func() {
		for i := range messages {
			to := []string{fmt.Sprintf("a%d@near.test", i), fmt.Sprintf("b%d@near.test", i), fmt.Sprintf("c%d@far.test", i)}
			if r, err := lab.Send(w.addr(), "s@far.test", to, []byte("Subject: x\r\n\r\nbody\r\n")); err != nil || !r.Accepted() {
				sent <- fmt.Errorf("%v, %w", r.Refusal(), err)
				return
			}
		}
		sent <- nil
	}()
	outcomes := make(map[string]int)
	for i := range turns {
		time.Sleep(100 * time.Millisecond)
		configure([]string{"one", "two"}[i%2], []string{"two", "one"}[i/2%2])
		if _, err := w.server.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		everything := control.RerouteOrder{Selection: control.Selection{All: true}}
		err := w.client().Reroute(t.Context(), everything, func(r control.Rerouted) error { outcomes[r.Outcome]++; return nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	w.eventually("all have left", func() bool { return len(w.queued(control.Selection{All: true})) == 0 })
	got := make(map[string]int)
	for _, r := range []*lab.Receiver{w.relay, other} {
		for _, m := range r.Messages() {
			for _, to := range m.To() {
				got[to]++
			}
		}
	}
	for to, n := range got {
		if n != 1 {
			t.Errorf("%s got it %d times", to, n)
		}
	}
	if len(got) != 3*messages {
		t.Errorf("%d of %d recipients got it", len(got), 3*messages)
	}
	if outcomes[control.RerouteMoved] == 0 || outcomes[control.RerouteBusy] == 0 {
		t.Errorf("too quiet to tell anything: %v", outcomes)
	}
}

// A pause of one way leaves the others alone, and its end sends what waited, in
// full.
func TestPauseInTraffic(t *testing.T) {
	const messages = 60
	w := newWorld(t)
	w.start()
	stop, resume := queue.Pause{Transport: "away", By: "root"}, queue.Pause{Transport: "away"}
	if _, err := w.client().Pause(t.Context(), stop); err != nil {
		t.Fatal(err)
	}
	for i := range messages {
		if r := w.send(fmt.Sprintf("x%d@far.test", i), "ann@ours.test"); !r.Accepted() {
			t.Fatal(r.Refusal())
		}
	}
	w.arrived(w.store, messages)
	if waiting := w.queued(control.Selection{Transport: "away"}); len(waiting) != messages || !waiting[0].Paused || len(w.relay.Messages()) != 0 {
		t.Fatalf("%d wait, %d have gone", len(waiting), len(w.relay.Messages()))
	}
	if st, err := w.client().Status(t.Context()); err != nil || len(st.Paused) != 1 || st.Paused[0].By != "root" {
		t.Errorf("status %+v, %v", st, err)
	}
	n, err := w.client().Resume(t.Context(), resume)
	if err != nil || n.Jobs != messages {
		t.Errorf("resumed %d, %v", n.Jobs, err)
	}
	w.arrived(w.relay, messages)
}
