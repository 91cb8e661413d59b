package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"syscall"
	"time"
)

const (
	slowReply   = 100 * time.Millisecond // of the slow next hop, each
	slowBacklog = 100_000                // messages that wait for it
	bulkReply   = 10 * time.Millisecond  // of a next hop that a bulk fills
	bulk        = 20_000                 // messages of one sender
	pairs       = 15                     // of measurements without and with the backlog
	probes      = 100                    // small messages of another, to the same next hop
)

// fair is what a backlog does to others.
type fair struct {
	pairs  []pair
	waits  []time.Duration // of small messages behind another sender's bulk, sorted
	behind int             // of the bulk were still waiting when the last of them had arrived
}

// pair is the fast lane without and with a backlog for the slow one, one right
// after the other.
type pair struct{ alone, beside figures }

func (p pair) kept() float64 { return p.beside.delivered / p.alone.delivered }

// fairness measures how much a slow next hop and a bulk cost those who have
// nothing to do with them.
func fairness(o options) error {
	var all fair
	for range o.rounds {
		var f fair
		if err := f.slowLane(o); err != nil {
			return fmt.Errorf("slow lane: %w", err)
		}
		if err := f.bulkSender(o); err != nil {
			return fmt.Errorf("bulk: %w", err)
		}
		fmt.Fprintf(os.Stderr, "fast lane beside %d for a slow one: %s; behind a bulk p50 %v, at most %v, %d of it waiting still\n",
			slowBacklog, f.kept(), f.quantile(0.5), f.quantile(1), f.behind)
		all.add(f)
	}
	return o.insert("fairness", func(w io.Writer) { writeFairness(w, all) })
}

// slowLane relays to a fast next hop through two servers in turn, one of which
// has a backlog for a slow next hop; the other is stopped meanwhile. The speed of
// a machine that others use drifts, and so a figure with the backlog is only held
// against one that was taken in the seconds before or after it.
func (f *fair) slowLane(o options) (err error) {
	empty, err := startRelay(o, 0)
	if err != nil {
		return err
	}
	defer empty.end(&err)
	empty.signal(syscall.SIGSTOP)
	laden, err := startRelay(o, slowBacklog)
	if err != nil {
		return err
	}
	defer laden.end(&err)
	laden.signal(syscall.SIGSTOP)
	l := load{sessions: 20, messages: 5000, bytes: 10 << 10, reuse: true}
	for i := range pairs {
		var p pair
		order := []turn{{laden, &p.beside}, {empty, &p.alone}}
		if i%2 == 1 {
			slices.Reverse(order)
		}
		for _, t := range order {
			if *t.out, err = t.relay.flow(l); err != nil {
				return err
			}
		}
		fmt.Fprintf(os.Stderr, "fast lane alone %.0f/s, %.3f ms of CPU; beside a backlog %.0f/s, %.3f ms: %.0f %%\n",
			p.alone.delivered, p.alone.perMessage(), p.beside.delivered, p.beside.perMessage(), 100*p.kept())
		f.pairs = append(f.pairs, p)
	}
	return nil
}

// turn is one half of a pair.
type turn struct {
	relay *relay
	out   *figures
}

// relay is a server with a fast and a slow next hop.
type relay struct {
	*process
	dir        string
	fast, slow *sink
}

// startRelay starts a server and gives it a backlog for its slow next hop.
func startRelay(o options, backlog int) (*relay, error) {
	dir, err := os.MkdirTemp("", "relay-bench-")
	if err != nil {
		return nil, err
	}
	r := &relay{dir: dir}
	if err := r.start(o, backlog); err != nil {
		r.end(&err)
		return nil, err
	}
	return r, nil
}

func (r *relay) start(o options, backlog int) error {
	waiting := load{sessions: 100, messages: backlog, bytes: 2 << 10, reuse: true, pipeline: true, domain: slowDomain}
	var err error
	if r.slow, err = newSink(waiting, nil); err != nil {
		return err
	}
	r.slow.delay = slowReply
	if r.fast, err = newSink(load{bytes: 10 << 10}, nil); err != nil {
		return err
	}
	if r.process, err = startPostroad(o.program, environment{dir: r.dir, sink: r.fast.addr(), slow: r.slow.addr()}); err != nil {
		return err
	}
	if err := waitGreeting(r.addr, 20*time.Second); err != nil {
		return err
	}
	return newSource(r.addr, waiting).run()
}

// flow lets the server go on and relays a load through it.
func (r *relay) flow(l load) (figures, error) {
	r.signal(syscall.SIGCONT)
	defer r.signal(syscall.SIGSTOP)
	r.fast.forget()
	settle(r.process)
	cpu := r.cpu()
	out, err := flow(r.process, l, r.fast)
	settle(r.process)
	out.cpu = r.cpu() - cpu
	return out, err
}

func (r *relay) end(err *error) {
	if r.process != nil {
		r.signal(syscall.SIGCONT)
		r.process.end(err)
	}
	for _, s := range []*sink{r.slow, r.fast} {
		if s != nil {
			s.close()
		}
	}
	os.RemoveAll(r.dir)
}

// bulkSender sends a bulk to a next hop that is slower than its source, then
// small messages of another sender to the same next hop, one after the other.
func (f *fair) bulkSender(o options) (err error) {
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
	defer p.end(&err)
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

// add takes up another round.
func (f *fair) add(o fair) {
	f.pairs = append(f.pairs, o.pairs...)
	f.waits = append(f.waits, o.waits...)
	slices.Sort(f.waits)
}

// kept tells what the fast lane keeps of its rate: the median of the pairs, and
// the worst and the best.
func (f *fair) kept() string {
	var v []float64
	for _, p := range f.pairs {
		v = append(v, 100*p.kept())
	}
	slices.Sort(v)
	return fmt.Sprintf("%.0f %% (%.0f to %.0f)", v[len(v)/2], v[0], v[len(v)-1])
}

// median of a figure of the pairs.
func (f *fair) median(value func(pair) float64) float64 {
	var v []float64
	for _, p := range f.pairs {
		v = append(v, value(p))
	}
	slices.Sort(v)
	return v[len(v)/2]
}

func writeFairness(w io.Writer, f fair) {
	fmt.Fprintln(w, "| what | figure |\n| --- | ---: |")
	fmt.Fprintf(w, "| a fast lane alone, 10 KB, 20 sessions | %.0f /s, %.2f ms of CPU a message |\n",
		f.median(func(p pair) float64 { return p.alone.delivered }), f.median(func(p pair) float64 { return p.alone.perMessage() }))
	fmt.Fprintf(w, "| the same beside %d messages for a lane with %v a reply | %.0f /s, %.2f ms |\n", slowBacklog, slowReply,
		f.median(func(p pair) float64 { return p.beside.delivered }), f.median(func(p pair) float64 { return p.beside.perMessage() }))
	fmt.Fprintf(w, "| what it keeps of its rate, median of %d pairs (worst to best) | %s |\n", len(f.pairs), f.kept())
	fmt.Fprintf(w, "| a small message behind %d of another sender in its lane, %v a reply: p50 | %.0f ms |\n", bulk, bulkReply, f.quantile(0.5).Seconds()*1000)
	fmt.Fprintf(w, "| the longest of %d | %.0f ms |\n", len(f.waits), f.quantile(1).Seconds()*1000)
}
