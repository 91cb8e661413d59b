package spool_test

import (
	"context"
	"testing"

	"github.com/postroad/postroad/internal/spool"
)

// TestEndAfterRewrite: a job whose records were written again does not come back
// when it has ended, in whatever order the tables with its keys are merged.
func TestEndAfterRewrite(t *testing.T) {
	end := spool.Outcome{Changes: []spool.RecipientChange{{State: spool.Delivered}}}
	act := func(a spool.Action) func(*testing.T, *spool.Pebble) {
		return func(t *testing.T, p *spool.Pebble) {
			if n, err := p.Change(context.Background(), spool.Filter{}, a, nil); n.Jobs != 1 || err != nil {
				t.Fatalf("action %d on %d jobs: %v", a, n.Jobs, err)
			}
		}
	}
	for name, rewrite := range map[string]struct {
		before, during func(*testing.T, *spool.Pebble)
	}{
		"not at all":           {},
		"held while attempted": {during: act(spool.ActionHold)},
		"tried at once":        {before: act(spool.ActionRetry)},
		"held and released":    {before: func(t *testing.T, p *spool.Pebble) { act(spool.ActionHold)(t, p); act(spool.ActionRelease)(t, p) }},
		"deferred":             {before: func(t *testing.T, p *spool.Pebble) { settled(t, p, spool.Outcome{Next: epoch}) }},
		"asleep":               {before: func(t *testing.T, p *spool.Pebble) { settled(t, p, spool.Outcome{Next: epoch, Asleep: true}) }},
		"asleep, tried at once": {before: func(t *testing.T, p *spool.Pebble) {
			settled(t, p, spool.Outcome{Next: epoch, Asleep: true})
			act(spool.ActionRetry)(t, p)
		}},
	} {
		for _, all := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				p := open(t, crashOptions(nil))
				w := newWorld(p)
				step := func(do func(*testing.T, *spool.Pebble)) {
					if do != nil {
						do(t, p)
					}
					if err := p.Merge(all); err != nil {
						t.Fatal(err)
					}
				}
				if err := commit("x", 100, 1).do(w); err != nil {
					t.Fatal(err)
				}
				step(rewrite.before)
				j, err := w.claim("x0")
				if err != nil {
					t.Fatal(err)
				}
				step(rewrite.during)
				if err := p.Update(context.Background(), j.Lease, end, nil); err != nil {
					t.Fatal(err)
				}
				for range 3 {
					if left := allJobs(t, p); len(left) > 0 {
						t.Fatalf("the job is back: %+v", left)
					}
					all = true
					step(nil)
				}
			})
		}
	}
}

// settled gives the job of lane x0 an outcome.
func settled(t *testing.T, p *spool.Pebble, o spool.Outcome) {
	t.Helper()
	j, err := newWorld(p).claim("x0")
	if err == nil {
		err = p.Update(context.Background(), j.Lease, o, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
}
