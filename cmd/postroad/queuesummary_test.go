package main

import (
	"strings"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/server/control"
)

func TestTellSummary(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	sum := func(n int64, age time.Duration, due int64) control.Sum {
		return control.Sum{Messages: n, Jobs: n, Recipients: 2 * n, Bytes: 1500 * n, Held: 1, Due: &due, Oldest: at.Add(-age), Ages: []int64{0, 2 * n, 0}}
	}
	s := control.Summary{
		At: at, By: control.ByNexthop, AgeMinutes: []int{5, 10}, Total: sum(1_000_000, 49*time.Hour, 12),
		Groups: []control.SummaryGroup{
			{Name: "bücher.test", Transport: "internet", Sum: sum(99_000, 400*time.Second, 3)},
			{Transport: "x", Sum: sum(1, 59*time.Second, 0), Example: "mx: 451 later"},
		},
		Rest: sum(7, 3*time.Hour, 0), RestGroups: 2, Missing: 4,
		Paused: []queue.Pause{{Transport: "x", Since: at.Add(-time.Hour), By: "root", Reason: "moving"}},
	}
	var b strings.Builder
	if err := tellSummary(&b, &s); err != nil {
		t.Fatal(err)
	}
	want := `1000000 messages, 2000000 recipients, 1.5 GB, 1 job on hold, 12 jobs due; the oldest came 2026-02-27T11:00:00Z, 2d1h ago
paused: transport.x, since 2026-03-01T11:00:00Z by root: moving

nexthop               messages  recipients    octets  held  due  oldest  <5m    <10m  older
internet bücher.test     99000      198000  148.5 MB     1    3   6m40s    0  198000      0
x -                          1           2    1.5 kB     1    0     59s    0       2      0  mx: 451 later
and 2 more                   7          14   10.5 kB     1    0    3h0m    0      14      0

More groups than fit into memory: each may have up to 4 recipients more than is said.
`
	if b.String() != want {
		t.Errorf("%s\nwant\n%s", b.String(), want)
	}

	b.Reset()
	if err := tellSummary(&b, &control.Summary{At: at, Total: control.Sum{Messages: 1, Recipients: 1, Bytes: 999, Oldest: at}}); err != nil {
		t.Fatal(err)
	}
	if want := "1 message, 1 recipient, 999 B, 0 jobs on hold; the oldest came 2026-03-01T12:00:00Z, 0s ago\n"; b.String() != want {
		t.Errorf("totals alone: %q", b.String())
	}
}
