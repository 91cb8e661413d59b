package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/postroad/postroad/internal/spool"
)

// fewOf of the queued messages, one in each thousand, are for one domain, and as
// many by one transport.
const (
	fewOf   = 1000
	fewHost = "few.test"
	fewWay  = "rare"
	noFacts = `{"v":1,"recipients":[]}` // what is stored of a decision about nobody in particular
)

// operation is a command about the queue, as the command line sees it.
type operation struct {
	args  []string
	first time.Duration // until the first line, or 0
	whole time.Duration
	lines int
	peak  int64 // octets, of the server until then
}

// operations measures what an administrator does to a queue of n messages.
func operations(o options, n int) (err error) {
	dir, err := os.MkdirTemp("", "relay-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	folder := filepath.Join(dir, "data", "spool")
	if err := fill(folder, n, queueKinds); err != nil {
		return err
	}
	p, err := startPostroad(o.program, environment{dir: dir, sink: deadHop})
	if err != nil {
		return err
	}
	defer p.end(&err)
	if err := waitGreeting(p.addr, time.Minute); err != nil {
		return err
	}
	settle(p)
	before := p.resident("VmRSS")
	var done []operation
	for _, args := range administration() {
		op, err := administer(o.program, filepath.Join(dir, "postroad.hcl"), args)
		if err != nil {
			return fmt.Errorf("%s: %w", strings.Join(args, " "), err)
		}
		op.peak = p.resident("VmHWM")
		fmt.Fprintf(os.Stderr, "%-60s first line %v, all %d in %v, %d MB\n", strings.Join(args, " "), op.first, op.lines, op.whole, op.peak>>20)
		done = append(done, op)
	}
	table := func(w io.Writer) { writeOperations(w, n, before, done) }
	table(os.Stdout)
	return o.insert("operations", table)
}

// administration is the commands in their order.
func administration() [][]string {
	return [][]string{
		{"list", "--domain", fewHost},
		{"list", "--sender", "s7@src.test"},
		{"list", "--transport", fewWay},
		{"list", "--transport", "internet"},
		{"list", "--held"},
		{"list", "--older", "1s"},
		{"list", "--older", "9d"},
		{"summary"},
		{"summary", "--by", "domain"},
		{"summary", "--limit", "0"},
		{"hold", "--domain", fewHost},
		{"list", "--held", "--transport", "internet"},
		{"release", "--domain", fewHost},
		{"reroute", "--domain", fewHost, "--dry-run"},
		{"reroute", "--domain", fewHost},
		{"pause", "--transport", fewWay},
		{"resume", "--transport", fewWay},
		{"remove", "--transport", fewWay},
		{"hold", "--all"},
		{"release", "--all"},
		{"remove", "--all"},
	}
}

// administer runs a command and takes the time of its lines.
func administer(program, config string, args []string) (operation, error) {
	op := operation{args: args}
	cmd := exec.Command(program, append([]string{"queue", args[0], "-c", config}, args[1:]...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return op, err
	}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return op, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if op.lines++; op.lines == 1 {
			op.first = time.Since(begin)
		}
	}
	err = cmd.Wait()
	op.whole = time.Since(begin)
	return op, err
}

// queueKinds queues a message, one in a thousand for one domain, one by one
// transport.
func queueKinds(store *spool.Pebble, i int) error {
	lane := laneOf("internet", i)
	switch i % fewOf {
	case 0:
		lane.Nexthop = fewHost
	case 1:
		lane.Transport = fewWay
	}
	return enqueue(store, i, spool.Envelope{Decision: []byte(noFacts)}, spool.Job{
		Lane: lane, Due: time.Now().Add(time.Hour + time.Duration(i%7200)*time.Second), Rule: "route.internet (postroad.hcl:1)",
	})
}

func writeOperations(w io.Writer, n int, before int64, done []operation) {
	fmt.Fprintf(w, "%d queued, the server at %d MB before.\n\n", n, before>>20)
	fmt.Fprintln(w, "| `postroad queue …` | first line | all | lines | most memory until then |")
	fmt.Fprintln(w, "| --- | ---: | ---: | ---: | ---: |")
	for _, op := range done {
		first := "-"
		if slices.Contains([]string{"list", "reroute"}, op.args[0]) && op.lines > 0 {
			first = milliseconds(op.first)
		}
		fmt.Fprintf(w, "| `%s` | %s | %s | %d | %d MB |\n", strings.Join(op.args, " "), first, milliseconds(op.whole), op.lines, op.peak>>20)
	}
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }
