package server_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/postroad/postroad/internal/server/control"
)

// What an administrator did to a message stands in the log beside what attempts did,
// with its id: nothing else tells later where it is.
func TestOrdersAreLogged(t *testing.T) {
	w := newWorld(t)
	w.relay.Close()
	var log bytes.Buffer // read when the server has stopped
	o := w.options()
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	w.startWith(o)
	for _, to := range []string{"a@far.test", "b@near.test"} {
		if r := w.send(to); !r.Accepted() {
			t.Fatalf("refused: %v", r.Refusal())
		}
	}
	w.eventually("both were tried", func() bool {
		all := w.queued(control.Selection{All: true})
		return len(all) == 2 && all[0].Attempts > 0 && all[1].Attempts > 0
	})
	a, b := w.queued(control.Selection{Domain: "far.test"})[0].ID, w.queued(control.Selection{Domain: "near.test"})[0].ID
	if _, err := w.client().Change(t.Context(), "remove", control.Selection{Domain: "far.test"}, ignore); err != nil {
		t.Fatal(err)
	}
	w.configure(w.base() + w.routes("other"))
	if _, err := w.server.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	order := control.RerouteOrder{Selection: control.Selection{IDs: []string{b}}, DryRun: true}
	for range 2 { // the dry run changes nothing and says nothing of it
		err := w.client().Reroute(t.Context(), order, func(control.Rerouted) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		order.DryRun = false
	}
	if err := w.server.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"msg=removed id=" + a + ` job=0 tenant="" transport=away nexthop="" sender=s@far.test recipient=a@far.test `,
		"msg=rerouted id=" + b + ` job=0 tenant="" transport=away nexthop="" sender=s@far.test recipient=b@near.test `,
		`msg="queue changed" action=remove of="domain=far.test" jobs=1`,
	} {
		if n := strings.Count(log.String(), want); n != 1 {
			t.Errorf("%d times %s in\n%s", n, want, &log)
		}
	}
}
