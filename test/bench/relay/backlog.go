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

// due is what becomes of a queue that is due at once.
type due struct {
	name    string
	up      bool // the next hop, which refuses every second recipient; else it is away
	expired bool // is every second message
}

// worked is what it took to work it off.
type worked struct {
	due
	peak      int64 // octets
	took, cpu time.Duration
}

// backlog measures what a queue of n messages takes that are all due at once. Each
// that is refused or has expired makes a report.
func backlog(o options, n int) error {
	var done []worked
	for _, d := range []due{
		{name: "half expired, hosts away", expired: true},
		{name: "half delivered, half refused", up: true},
		{name: "all put off, hosts away"},
	} {
		w, err := workOff(o, n, d)
		if err != nil {
			return fmt.Errorf("%s: %w", d.name, err)
		}
		fmt.Fprintf(os.Stderr, "%-30s %d MB, %v, %v of CPU\n", d.name, w.peak>>20, w.took.Round(time.Second), w.cpu)
		done = append(done, w)
	}
	table := func(w io.Writer) { writeBacklog(w, n, done) }
	table(os.Stdout)
	return o.insert("backlog", table)
}

func writeBacklog(w io.Writer, n int, done []worked) {
	fmt.Fprintf(w, "| %d due at once | memory at most | worked off in | CPU |\n| --- | ---: | ---: | ---: |\n", n)
	for _, d := range done {
		fmt.Fprintf(w, "| %s | %d MB | %.0f s | %.0f s |\n", d.name, d.peak>>20, d.took.Seconds(), d.cpu.Seconds())
	}
}

// workOff lets a server work a queue off until it rests.
func workOff(o options, n int, d due) (w worked, err error) {
	w.due = d
	dir, err := os.MkdirTemp("", "relay-bench-")
	if err != nil {
		return w, err
	}
	defer os.RemoveAll(dir)
	folder := filepath.Join(dir, "data", "spool")
	if err := fill(folder, n, d.queue); err != nil {
		return w, err
	}
	e := environment{dir: dir, sink: deadHop}
	if d.up {
		sk, err := newSink(load{bytes: queuedBytes}, nil)
		if err != nil {
			return w, err
		}
		defer sk.close()
		sk.half.Store(true)
		e.sink = sk.addr()
	}
	p, err := startPostroad(o.program, e)
	if err != nil {
		return w, err
	}
	defer p.end(&err)
	w.took = untilRest(p)
	w.peak, w.cpu = p.resident("VmHWM"), p.cpu()
	return w, nil
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

// queue queues a message that is due.
func (d due) queue(store *spool.Pebble, i int) error {
	now := time.Now()
	arrived := now.Add(-time.Hour)
	if d.expired && i%2 == 0 {
		arrived = now.Add(-longAgo)
	}
	return enqueue(store, i, spool.Envelope{Arrived: arrived, Decision: []byte(noFacts)}, spool.Job{
		Lane: laneOf("sink", i), Due: now.Add(-time.Minute), Rule: "route.default (postroad.hcl:1)",
	})
}
