package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/lab"
	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/server/control"
)

// shown gives what queue show tells of the only job of a domain.
func (w *world) shown(domain string) control.Shown {
	w.t.Helper()
	var out []control.Shown
	err := w.client().Show(w.t.Context(), control.Selection{Domain: domain}, func(s control.Shown) error { out = append(out, s); return nil })
	if err != nil || len(out) != 1 {
		w.t.Fatalf("%+v, %v", out, err)
	}
	return out[0]
}

// Each reason for which mail is where it is.
func TestShowTellsWhy(t *testing.T) {
	w := newWorld(t)
	slow := w.receiver(lab.Config{Name: "slow.lab"})
	slow.On(lab.Rule{At: lab.Data, Delay: 3 * time.Second})
	w.relay.Close()
	w.configure(w.base() + `
transport "smtp" "slow" { to = ["` + slow.Addr + `"] }
transport "smtp" "closed" { to = ["` + slow.Addr + `"] }
retry "quick" {
  after   = ["1s"]
  then    = "1s"
  warn    = "2h"
  give_up = "10h"
}
transport "smtp" "gone" {
  to    = ["` + w.relay.Addr + `"]
  retry = retry.quick
}
route "slow" {
  recipient = ["slow.test"]
  via       = transport.slow
}
route "closed" {
  recipient = ["closed.test"]
  via       = transport.closed
}
route "default" { via = transport.gone }
`)
	w.start()
	if _, err := w.client().Pause(t.Context(), queue.Pause{Transport: "closed", By: "ann", Reason: "a test"}); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{"a@slow.test", "b@closed.test"} {
		if r := w.send(to); !r.Accepted() {
			t.Fatalf("refused: %v", r.Refusal())
		}
	}
	t.Run("delivering", func(t *testing.T) {
		w.eventually("it is being delivered", func() bool { return w.shown("slow.test").State == control.StateDelivering })
		s := w.shown("slow.test")
		if s.DeliveringSince.Before(s.Arrived) || s.Lane.Active != 1 || s.Lane.Limit < 1 || s.Lane.Dead || !s.LastTry.IsZero() {
			t.Errorf("%+v", s)
		}
	})
	t.Run("paused", func(t *testing.T) {
		s := w.shown("closed.test")
		if s.State != control.RowPaused || !s.Paused || s.Pause == nil || s.Pause.By != "ann" || s.Pause.Since.IsZero() {
			t.Errorf("%+v", s)
		}
	})
	for _, to := range []string{"1", "2", "3", "4", "5", "6", "7"} {
		w.send("c@" + to + ".test")
	}
	t.Run("asleep", func(t *testing.T) {
		w.eventually("the lane is dead", func() bool { return w.shown("1.test").Lane.Dead })
		w.send("c@late.test")
		w.eventually("what comes then sleeps", func() bool { return w.shown("late.test").State == control.RowAsleep })
		s := w.shown("late.test")
		l := s.Lane
		if d := time.Until(l.Until); !s.Asleep || d < 30*time.Second || d > 70*time.Second || !strings.Contains(l.Reply, "4.4.1") || s.Attempts != 0 {
			t.Errorf("%+v", s)
		}
	})
	t.Run("waits", func(t *testing.T) {
		s := w.shown("1.test")
		r := s.Recipients[0]
		if s.Attempts == 0 || s.LastTry.Before(s.Arrived) || s.LastTry.After(time.Now()) || r.Reply == "" {
			t.Errorf("tried %d times, last %v: %+v", s.Attempts, s.LastTry, r)
		}
		if !s.Expires.Equal(s.Arrived.Add(10*time.Hour)) || !r.WarnAt.Equal(s.Arrived.Add(2*time.Hour)) || r.Warned {
			t.Errorf("expires %v, warned of %v, arrived %v", s.Expires, r.WarnAt, s.Arrived)
		}
	})
	t.Run("held", func(t *testing.T) {
		if _, err := w.client().Change(t.Context(), "hold", control.Selection{Domain: "late.test"}, ignore); err != nil {
			t.Fatal(err)
		}
		if s := w.shown("late.test"); s.State != control.RowHeld || !s.Held {
			t.Errorf("%+v", s)
		}
	})
}
