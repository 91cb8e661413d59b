package server

import (
	"errors"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/postroad/postroad/internal/durable"
	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/server/control"
	"github.com/postroad/postroad/internal/spool"
)

// A power cut leaves the pauses as they were or as they are to be, and what was
// answered stays.
func TestPausesSurvivePowerCuts(t *testing.T) {
	disk := vfs.NewCrashableMem()
	if err := errors.Join(disk.MkdirAll("data", 0o700), durable.SyncFolder(disk, "")); err != nil {
		t.Fatal(err)
	}
	before, cuts := 0, 0
	cut := errorfs.InjectorFunc(func(op errorfs.Op) error {
		cuts++
		list, err := readPauses(disk.CrashClone(vfs.CrashCloneCfg{}), "data")
		if err != nil || len(list) != before && len(list) != before+1 {
			t.Errorf("cut before operation %d: %v, %v", cuts, list, err)
		}
		return nil
	})
	p, err := openPauses(errorfs.Wrap(disk, cut), "data")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b", "c"} {
		if err := p.put(queue.Pause{Transport: name, By: "root"}, true); err != nil {
			t.Fatal(err)
		}
		before++
		if list, err := readPauses(disk.CrashClone(vfs.CrashCloneCfg{}), "data"); err != nil || len(list) != before {
			t.Errorf("after a cut: %v, %v", list, err)
		}
	}
	if p.covering(spool.Lane{Transport: "b", Nexthop: "x"}) == nil || cuts < 12 {
		t.Errorf("not paused, or only %d operations were cut", cuts)
	}
}

func TestPausesAreNamedExactly(t *testing.T) {
	disk := vfs.NewMem()
	p, err := openPauses(disk, "")
	if err != nil {
		t.Fatal(err)
	}
	all, one := queue.Pause{Transport: "mx"}, queue.Pause{Transport: "mx", Nexthop: "a.example"}
	for _, x := range []queue.Pause{all, one, one} {
		if err := p.put(x, true); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.put(all, false); err != nil {
		t.Fatal(err)
	}
	if p.covering(spool.Lane{Transport: "mx", Nexthop: "a.example"}) == nil || p.covering(spool.Lane{Transport: "mx"}) != nil {
		t.Errorf("paused: %+v", *p.list.Load())
	}
	if err := p.put(all, false); !errors.Is(err, control.ErrPause) {
		t.Errorf("ended twice: %v", err)
	}
}

// Whoever pauses what is paused already learns no less of it than before.
func TestPauseTwice(t *testing.T) {
	first := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	cases := map[string]queue.Pause{
		"":             {Transport: "mx", Since: first, By: "ann", Reason: "their disk"},
		"their switch": {Transport: "mx", Since: first, By: "bob", Reason: "their switch"},
	}
	for reason, want := range cases {
		p, err := openPauses(vfs.NewMem(), "")
		for _, x := range []queue.Pause{
			{Transport: "mx", Since: first, By: "ann", Reason: "their disk"},
			{Transport: "mx", Since: first.Add(time.Hour), By: "bob", Reason: reason},
		} {
			err = errors.Join(err, p.put(x, true))
		}
		if got := p.covering(spool.Lane{Transport: "mx"}); err != nil || *got != want {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

// Mail must not leave by a way that somebody closed, because a file is broken.
func TestPausesThatCannotBeRead(t *testing.T) {
	disk := vfs.NewMem()
	if err := durable.Write(disk, pausedName, []byte("[{")); err != nil {
		t.Fatal(err)
	}
	if _, err := openPauses(disk, ""); err == nil {
		t.Error("half a file was read as no pause")
	}
}
