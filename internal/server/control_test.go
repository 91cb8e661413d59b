package server_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/postroad/postroad/internal/explain"
	"github.com/postroad/postroad/internal/server/control"
)

func ignore(control.Changed) {}

func TestControlChangesTheQueue(t *testing.T) {
	w := newWorld(t)
	w.relay.Close()
	w.start()
	for _, to := range []string{"a@far.test", "b@far.test", "c@near.test"} {
		if r := w.send(to); !r.Accepted() {
			t.Fatalf("refused: %v", r.Refusal())
		}
	}
	everything := control.Selection{All: true}
	w.eventually("all were tried", func() bool {
		tried := 0
		for _, j := range w.queued(everything) {
			tried += j.Attempts
		}
		return tried >= 3
	})
	all := w.queued(everything)
	if len(all) != 3 || all[0].Recipients[0].Reply == "" || all[0].Transport != "away" || !strings.Contains(all[0].Rule, "route.default") {
		t.Fatalf("the queue is %+v", all)
	}
	steps := []struct {
		action string
		sel    control.Selection
		jobs   int64
		left   control.Selection
		count  int
	}{
		{"hold", control.Selection{Domain: "far.test"}, 2, control.Selection{Held: true}, 2},
		{"release", control.Selection{IDs: []string{all[0].ID}}, 1, control.Selection{Held: true}, 1},
		{"remove", control.Selection{Domain: "near.test"}, 1, everything, 2},
		{"remove", control.Selection{Sender: "nobody@far.test"}, 0, everything, 2},
		{"remove", everything, 2, everything, 0},
	}
	for _, s := range steps {
		n, err := w.client().Change(t.Context(), s.action, s.sel, ignore)
		if err != nil || n.Jobs != s.jobs {
			t.Errorf("%s %+v: %+v, %v, want %d jobs", s.action, s.sel, n, err, s.jobs)
		}
		if got := w.queued(s.left); len(got) != s.count {
			t.Errorf("after %s %+v: %d jobs in %+v, want %d", s.action, s.sel, len(got), s.left, s.count)
		}
	}
}

func TestControlRefuses(t *testing.T) {
	w := newWorld(t)
	w.start()
	for _, s := range []control.Selection{{}, {IDs: []string{"x"}}, {Domain: "not a domain"}, {Sender: "no address"}} {
		_, err := w.client().Change(t.Context(), "remove", s, ignore)
		var refused *control.Refused
		if !errors.As(err, &refused) || !refused.Usage() {
			t.Errorf("%+v: %v", s, err)
		}
	}
	_, err := w.client().Route(t.Context(), explain.Query{Recipients: []string{"x@far.test"}, Client: "no address"})
	var refused *control.Refused
	if !errors.As(err, &refused) || !refused.Usage() {
		t.Errorf("Route: %v", err)
	}
}

func TestControlExplainsLive(t *testing.T) {
	w := newWorld(t)
	w.start()
	got, err := w.client().Route(t.Context(), explain.Query{Client: "127.0.0.1", Recipients: []string{"sales@ours.test"}})
	if err != nil {
		t.Fatal(err)
	}
	if got.Generation != w.server.Pin().Config.Generation || len(got.Recipients[0].Deliveries) != 2 || got.Exit() != explain.ExitAccepted {
		t.Errorf("got %+v", got)
	}
	if len(got.Tables) != 1 || got.Tables[0].Name != "users" || got.Tables[0].Entries != 1 || got.Tables[0].Age == "" {
		t.Errorf("tables: %+v", got.Tables)
	}
}

func TestControlSocket(t *testing.T) {
	w := newWorld(t)
	w.start()
	info, err := os.Stat(filepath.Join(w.server.DataFolder(), "control.sock"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v %v", info, err)
	}
	st, err := w.client().Status(t.Context())
	if err != nil || st.Health != "ok" || st.PID != os.Getpid() || st.Version != "test" {
		t.Errorf("status: %+v %v", st, err)
	}
	w.stop()
	if _, err := w.client().Status(t.Context()); !errors.Is(err, control.ErrNotRunning) {
		t.Errorf("after the stop: %v", err)
	}
}

// A path longer than an address of a socket may be.
func TestControlSocketInADeepFolder(t *testing.T) {
	w := newWorld(t)
	deep := filepath.Join(w.dir, strings.Repeat("deep/", 30))
	o := w.options()
	o.Data = deep
	w.startWith(o)
	if _, err := w.client().Status(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestMarkKeyOutlivesARestart(t *testing.T) {
	w := newWorld(t)
	w.start()
	path := filepath.Join(w.server.DataFolder(), "mark.key")
	first, err := os.ReadFile(path)
	if err != nil || len(first) != 32 {
		t.Fatalf("the key: %d octets, %v", len(first), err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != fs.FileMode(0o600) {
		t.Errorf("the key's file: %v %v", info, err)
	}
	w.stop()
	w.start()
	if again, err := os.ReadFile(path); err != nil || string(again) != string(first) {
		t.Error("the key is another one after a restart")
	}
}
