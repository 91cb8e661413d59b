package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

const (
	slowReply   = 100 * time.Millisecond // of the slow next hop, each
	slowBacklog = 100_000                // messages that wait for it
	bulkReply   = 10 * time.Millisecond  // of a next hop that a bulk fills
	bulk        = 20_000                 // messages of one sender
	probes      = 100                    // small messages of another, to the same next hop
)

// fair is what a backlog does to others.
type fair struct {
	alone, beside figures         // the fast lane without and with a backlog for the slow one
	waits         []time.Duration // of small messages behind another sender's bulk, sorted
	behind        int             // of the bulk were still waiting when the last of them had arrived
}

// fairness measures how much a slow next hop and a bulk cost those who have
// nothing to do with them.
func fairness(o options) error {
	var results []fair
	for range o.rounds {
		var f fair
		if err := f.slowLane(o); err != nil {
			return fmt.Errorf("slow lane: %w", err)
		}
		if err := f.bulkSender(o); err != nil {
			return fmt.Errorf("bulk: %w", err)
		}
		fmt.Fprintf(os.Stderr, "fast lane alone %.0f/s, beside %d for a slow one %.0f/s; behind a bulk p50 %v, at most %v, %d of it waiting still\n",
			f.alone.delivered, slowBacklog, f.beside.delivered, f.quantile(0.5), f.quantile(1), f.behind)
		results = append(results, f)
	}
	return o.insert("fairness", func(w io.Writer) { writeFairness(w, results) })
}

// slowLane relays to a fast next hop, then again with a backlog for a slow one.
func (f *fair) slowLane(o options) error {
	l := load{sessions: 20, messages: 10_000, bytes: 10 << 10, reuse: true}
	for _, backlog := range []int{0, slowBacklog} {
		out, err := besideBacklog(o, l, backlog)
		if err != nil {
			return err
		}
		if backlog == 0 {
			f.alone = out
		} else {
			f.beside = out
		}
	}
	return nil
}

// besideBacklog relays a load while a backlog waits for a slow next hop.
func besideBacklog(o options, l load, backlog int) (figures, error) {
	dir, err := os.MkdirTemp("", "relay-bench-")
	if err != nil {
		return figures{}, err
	}
	defer os.RemoveAll(dir)
	waiting := load{sessions: 100, messages: backlog, bytes: 2 << 10, reuse: true, pipeline: true, domain: slowDomain}
	slow, err := newSink(waiting, nil)
	if err != nil {
		return figures{}, err
	}
	defer slow.close()
	slow.delay = slowReply
	sk, err := newSink(l, nil)
	if err != nil {
		return figures{}, err
	}
	defer sk.close()
	p, err := startPostroad(o.program, environment{dir: dir, sink: sk.addr(), slow: slow.addr()})
	if err != nil {
		return figures{}, err
	}
	defer p.stop()
	if err := waitGreeting(p.addr, 20*time.Second); err != nil {
		return figures{}, err
	}
	if err := newSource(p.addr, waiting).run(); err != nil {
		return figures{}, err
	}
	return flow(p, l, sk)
}

// bulkSender sends a bulk to a next hop that is slower than its source, then
// small messages of another sender to the same next hop, one after the other.
func (f *fair) bulkSender(o options) error {
	dir, err := os.MkdirTemp("", "relay-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	l := load{sessions: 100, messages: bulk + probes, bytes: 2 << 10, reuse: true, pipeline: true}
	sk, err := newSink(l, nil)
	if err != nil {
		return err
	}
	defer sk.close()
	sk.delay = bulkReply
	p, err := startPostroad(o.program, environment{dir: dir, sink: sk.addr()})
	if err != nil {
		return err
	}
	defer p.stop()
	if err := waitGreeting(p.addr, 20*time.Second); err != nil {
		return err
	}
	l.messages = bulk
	if err := newSource(p.addr, l).run(); err != nil {
		return err
	}
	for n := bulk + 1; n <= bulk+probes; n++ {
		wait, err := probe(p.addr, l, n, sk)
		if err != nil {
			return err
		}
		f.waits = append(f.waits, wait)
	}
	slices.Sort(f.waits)
	f.behind = bulk + probes - sk.arrived()
	return nil
}

// probe sends one message and waits for it.
func probe(addr string, l load, n int, sk *sink) (time.Duration, error) {
	c, err := dial(addr)
	if err != nil {
		return 0, err
	}
	defer c.quit()
	l.sender = "small"
	begin := time.Now()
	if err := c.message(n, l); err != nil {
		return 0, err
	}
	for end := begin.Add(30 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if at, came := sk.when(n); came {
			return at.Sub(begin), nil
		}
	}
	return 0, fmt.Errorf("message %d does not arrive", n)
}

func (f *fair) quantile(q float64) time.Duration {
	return f.waits[int(q*float64(len(f.waits)-1))].Round(100 * time.Microsecond)
}

func writeFairness(w io.Writer, results []fair) {
	of := func(value func(fair) float64) float64 {
		var v []float64
		for _, r := range results {
			v = append(v, value(r))
		}
		slices.Sort(v)
		return v[len(v)/2]
	}
	alone, beside := of(func(f fair) float64 { return f.alone.delivered }), of(func(f fair) float64 { return f.beside.delivered })
	wait := func(q float64) float64 { return of(func(f fair) float64 { return f.quantile(q).Seconds() * 1000 }) }
	fmt.Fprintln(w, "| what | figure |\n| --- | ---: |")
	fmt.Fprintf(w, "| a fast lane alone, 10 KB, 20 sessions | %.0f /s |\n", alone)
	fmt.Fprintf(w, "| the same beside %d messages for a lane with %v a reply | %.0f /s, %.0f %% |\n", slowBacklog, slowReply, beside, 100*beside/alone)
	fmt.Fprintf(w, "| a small message behind %d of another sender in its lane, %v a reply: p50 | %.0f ms |\n", bulk, bulkReply, wait(0.5))
	fmt.Fprintf(w, "| the longest of %d | %.0f ms |\n", probes, wait(1))
}
