package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

const (
	queuedLanes = 10_000  // next hops of the queued messages
	queuedBytes = 2 << 10 // octets of each
	fillers     = 200     // writers at once
	idleFor     = 10 * time.Second
)

// grown is what one size of the queue costs.
type grown struct {
	queued   int
	start    time.Duration // until the server greets
	resident int64         // octets, after the start
	peak     int64         // octets, under load
	idle     float64       // CPU of one core while nothing is due
	due      time.Duration // to find, claim and open a job that has become due, the worst of many
	flow     figures
}

// growth measures the server on queues of several sizes, whose messages wait for
// hosts that are to be tried again later.
func growth(o options, sizes []int) error {
	results := make([][]grown, len(sizes))
	for range o.rounds {
		for i, n := range sizes {
			g, err := grow(o, n)
			if err != nil {
				return fmt.Errorf("%d queued: %w", n, err)
			}
			fmt.Fprintf(os.Stderr, "%8d queued: start %v, %d MB then %d MB, idle %.1f %%, due job %v, accepted %.0f/s delivered %.0f/s\n",
				n, g.start.Round(time.Millisecond), g.resident>>20, g.peak>>20, g.idle*100, g.due.Round(time.Microsecond), g.flow.accepted, g.flow.delivered)
			results[i] = append(results[i], g)
		}
	}
	writeGrowth(os.Stdout, results)
	return o.insert("growth", func(w io.Writer) { writeGrowth(w, results) })
}

// grow measures one size.
func grow(o options, n int) (g grown, err error) {
	g.queued = n
	dir, err := os.MkdirTemp("", "relay-bench-")
	if err != nil {
		return g, err
	}
	defer os.RemoveAll(dir)
	folder := filepath.Join(dir, "data", "spool")
	later := func(store *spool.Pebble, i int) error {
		return queueOne(store, i, time.Now().Add(time.Hour+time.Duration(i%7200)*time.Second))
	}
	if err := fill(folder, n, later); err != nil {
		return g, err
	}
	if g.due, err = findDue(folder); err != nil {
		return g, err
	}
	l := load{sessions: 100, messages: 10_000, bytes: 10 << 10, reuse: true}
	sk, err := newSink(l, nil)
	if err != nil {
		return g, err
	}
	defer sk.close()
	begin := time.Now()
	p, err := startPostroad(o.program, environment{dir: dir, sink: sk.addr()})
	if err != nil {
		return g, err
	}
	defer p.end(&err)
	if err := waitGreeting(p.addr, time.Minute); err != nil {
		return g, err
	}
	g.start = time.Since(begin)
	settle(p)
	g.resident = p.resident("VmRSS")
	cpu := p.cpu()
	time.Sleep(idleFor)
	g.idle = (p.cpu() - cpu).Seconds() / idleFor.Seconds()
	g.flow, err = flow(p, l, sk)
	g.peak = p.resident("VmHWM")
	return g, err
}

// flow relays a load through a server that runs.
func flow(p *process, l load, sk *sink) (figures, error) {
	src := newSource(p.addr, l)
	begin := time.Now()
	if err := src.run(); err != nil {
		return figures{}, err
	}
	acked := time.Since(begin)
	last, err := sk.wait(l.messages, 90*time.Second)
	f := figures{
		accepted:  float64(l.messages) / acked.Seconds(),
		delivered: float64(l.messages) / max(last.Sub(begin), acked).Seconds(),
		sent:      l.messages,
	}
	sk.count(&f, src.begun)
	return f, err
}

// fill queues n messages in a new spool.
func fill(folder string, n int, queue func(store *spool.Pebble, i int) error) error {
	if err := os.MkdirAll(filepath.Dir(folder), 0o700); err != nil {
		return err
	}
	store, err := spool.Open(spool.Options{Dir: folder})
	if err != nil {
		return err
	}
	errs := make(chan error, fillers)
	for w := range fillers {
		go func() {
			var err error
			for i := w; i < n && err == nil; i += fillers {
				err = queue(store, i)
			}
			errs <- err
		}()
	}
	for range fillers {
		if e := <-errs; e != nil {
			err = e
		}
	}
	if e := store.Close(); err == nil {
		err = e
	}
	return err
}

func queueOne(store *spool.Pebble, i int, due time.Time) error {
	return enqueue(store, i, spool.Envelope{}, spool.Job{Lane: laneOf("internet", i), Due: due})
}

// laneOf is the lane of the i-th message.
func laneOf(transport string, i int) spool.Lane {
	return spool.Lane{Transport: transport, Nexthop: "host" + strconv.Itoa(i%queuedLanes) + ".test"}
}

// enqueue queues the i-th message: a job, tried before, for one recipient at its
// next hop.
func enqueue(store *spool.Pebble, i int, env spool.Envelope, job spool.Job) error {
	d, err := store.Create(context.Background())
	if err != nil {
		return err
	}
	if _, err := d.Write(appendMessage(nil, i, queuedBytes)); err != nil {
		return err
	}
	env.Sender = mail.Path{Address: mail.Address{Local: "s" + strconv.Itoa(i%1000), Domain: "src.test"}}
	rcpt := mail.Address{Local: "u" + strconv.Itoa(i), Domain: mail.Domain(job.Lane.Nexthop)}
	job.Sender, job.Attempts = env.Sender, 3
	job.Recipients = []spool.Recipient{{Final: rcpt, Original: rcpt}}
	return d.Commit(env, []spool.Job{job})
}

// findDue opens the queue and takes the worst time until a job that has just
// become due is found, claimed and opened.
func findDue(folder string) (worst time.Duration, err error) {
	store, err := spool.Open(spool.Options{Dir: folder})
	if err != nil {
		return 0, err
	}
	defer store.Close()
	ctx := context.Background()
	for i := range 100 {
		if err := queueOne(store, i, time.Now()); err != nil {
			return 0, err
		}
		begin := time.Now()
		due, err := store.Lanes(ctx, begin, 1)
		if err != nil || len(due) != 1 {
			return 0, fmt.Errorf("%d lanes are due: %w", len(due), err)
		}
		jobs, err := store.Claim(ctx, spool.ClaimReq{Lane: due[0].Lane, Before: begin, Max: 1, LeaseFor: time.Minute})
		if err != nil || len(jobs) != 1 {
			return 0, fmt.Errorf("%d jobs are due: %w", len(jobs), err)
		}
		_, body, err := store.Open(ctx, jobs[0].Message)
		if err != nil {
			return 0, err
		}
		worst = max(worst, time.Since(begin))
		body.Close()
		end := spool.Outcome{Changes: []spool.RecipientChange{{N: 0, State: spool.Delivered}}}
		if err := store.Update(ctx, jobs[0].Lease, end, nil); err != nil {
			return 0, err
		}
	}
	return worst, nil
}

// resident is a line of /proc/PID/status, in octets, summed over the processes.
func (p *process) resident(line string) int64 {
	var sum int64
	for _, pid := range p.pids() {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		_, rest, _ := strings.Cut(string(b), line+":")
		if f := strings.Fields(rest); len(f) > 0 {
			n, _ := strconv.ParseInt(f[0], 10, 64)
			sum += n << 10
		}
	}
	return sum
}

func writeGrowth(w io.Writer, results [][]grown) {
	fmt.Fprintln(w, "| queued | start until serving | memory after it | memory at most | idle CPU | due job found, claimed, opened | accepted /s | delivered /s | delivered, of the first |")
	fmt.Fprintln(w, "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
	of := func(runs []grown, f func(grown) float64) float64 {
		var v []float64
		for _, r := range runs {
			v = append(v, f(r))
		}
		slices.Sort(v)
		return v[len(v)/2]
	}
	flow := func(g grown) float64 { return g.flow.delivered }
	for _, runs := range results {
		fmt.Fprintf(w, "| %d | %.2f s | %.0f MB | %.0f MB | %.1f %% | %.2f ms | %.0f | %.0f | %.0f %% |\n", runs[0].queued,
			of(runs, func(g grown) float64 { return g.start.Seconds() }),
			of(runs, func(g grown) float64 { return float64(g.resident >> 20) }),
			of(runs, func(g grown) float64 { return float64(g.peak >> 20) }),
			of(runs, func(g grown) float64 { return 100 * g.idle }),
			of(runs, func(g grown) float64 { return g.due.Seconds() * 1000 }),
			of(runs, func(g grown) float64 { return g.flow.accepted }), of(runs, flow),
			100*of(runs, flow)/of(results[0], flow))
	}
}
