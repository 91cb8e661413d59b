package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/postroad/postroad/internal/spool"
)

const (
	longAgo     = 6 * 24 * time.Hour // older than the default retry keeps mail
	deadHop     = "127.0.0.1:1"      // nobody listens there
	backlogTime = 15 * time.Minute   // the longest that a backlog is watched
	restFor     = 10 * time.Second
	restCPU     = 100 * time.Millisecond // in a second, of a server that rests
)

// backlog measures what a queue of n messages takes that are all due at once, for
// next hops that are away, and half of which have expired: each of these makes a
// report.
func backlog(o options, n int) (err error) {
	dir, err := os.MkdirTemp("", "relay-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	folder := filepath.Join(dir, "data", "spool")
	if err := os.MkdirAll(filepath.Dir(folder), 0o700); err != nil {
		return err
	}
	if err := fill(folder, n, queueDue); err != nil {
		return err
	}
	p, err := startPostroad(o.program, environment{dir: dir, sink: deadHop})
	if err != nil {
		return err
	}
	defer p.end(&err)
	took := untilRest(p)
	table := func(w io.Writer) {
		fmt.Fprintln(w, "| due at once, half expired | memory at most | worked off in | CPU |\n| ---: | ---: | ---: | ---: |")
		fmt.Fprintf(w, "| %d | %d MB | %.0f s | %.0f s |\n", n, p.resident("VmHWM")>>20, took.Seconds(), p.cpu().Seconds())
	}
	table(os.Stdout)
	return o.insert("backlog", table)
}

// untilRest waits until the server has done what there is to do, and tells how
// long that took.
func untilRest(p *process) time.Duration {
	begin := time.Now()
	last, at := p.cpu(), begin
	for time.Since(at) < restFor && time.Since(begin) < backlogTime {
		time.Sleep(time.Second)
		now := p.cpu()
		if now-last > restCPU {
			at = time.Now()
		}
		last = now
	}
	return at.Sub(begin)
}

// queueDue queues a message that is due; every second one has expired.
func queueDue(store *spool.Pebble, i int) error {
	now := time.Now()
	arrived := now.Add(-time.Hour)
	if i%2 == 0 {
		arrived = now.Add(-longAgo)
	}
	return enqueue(store, i, spool.Envelope{Arrived: arrived, Decision: []byte(noFacts)}, spool.Job{
		Lane: laneOf("sink", i), Due: now.Add(-time.Minute), Rule: "route.default (postroad.hcl:1)",
	})
}
