package queue

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

var rewrite = flag.Bool("rewrite", false, "write the outcomes of testdata/*.txt anew")

var epoch = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// TestScripts feeds events to a scheduler and holds the actions against
// testdata/*.txt: a block is an event, "----", and what the scheduler wants then.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { runScript(t, file) })
	}
}

func runScript(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := &player{t: t, now: epoch, claims: map[string][]Action{}, going: map[int]Action{}, connections: 20}
	var out strings.Builder
	sc := bufio.NewScanner(strings.NewReader(string(text)))
	for sc.Scan() {
		line := sc.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			out.WriteString(line + "\n")
			continue
		}
		want := expected(sc)
		got := p.play(line)
		if got != want && !*rewrite {
			t.Errorf("%s\n---- got\n%s---- want\n%s", line, got, want)
		}
		fmt.Fprintf(&out, "%s\n----\n%s\n", line, got)
	}
	if *rewrite {
		text := strings.TrimRight(out.String(), "\n") + "\n"
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// expected reads the outcome below "----" up to an empty line.
func expected(sc *bufio.Scanner) string {
	var b strings.Builder
	for sc.Scan() && sc.Text() != "" {
		if sc.Text() != "----" {
			b.WriteString(sc.Text() + "\n")
		}
	}
	return b.String()
}

// player holds a scheduler and the actions that it waits for.
type player struct {
	t           *testing.T
	s           *Scheduler
	now         time.Time
	connections int
	limits      Limits
	claims      map[string][]Action
	scan        *Action
	going       map[int]Action
	jobs        int
}

func (p *player) play(line string) string {
	words := strings.Fields(line)
	args := map[string]string{}
	for _, w := range words[1:] {
		k, v, _ := strings.Cut(w, "=")
		args[k] = v
	}
	p.event(words[0], words, args)
	return p.actions()
}

func (p *player) event(name string, words []string, args map[string]string) {
	switch name {
	case "new":
		p.configure(args)
		p.s = NewScheduler(p.limits, func(string) int { return p.connections }, func() float64 { return 0.5 })
		p.s.Tick(p.now)
	case "configure":
		p.configure(args)
		p.s.Configure(p.now, p.limits)
	case "hint":
		p.s.Hint(p.now, spool.Hint{Lane: laneOf(words[1]), Due: p.at(args["due"]), Sender: senderOf(args["from"])})
	case "kick":
		p.s.Kick(p.now, laneOf(words[1]))
	case "lost":
		p.s.Lost(p.now)
	case "pause":
		p.pause(words[1])
	case "claimed":
		p.claimed(words[1], args)
	case "scanned":
		p.scanned(words[1:])
	case "finished":
		p.finished(words[1:])
	case "wait":
		d, err := time.ParseDuration(words[1])
		if err != nil {
			p.t.Fatal(err)
		}
		p.now = p.now.Add(d)
		p.s.Tick(p.now)
	default:
		p.t.Fatalf("unknown event %q", name)
	}
}

// pause pauses one lane, or with "none" none.
func (p *player) pause(name string) {
	p.s.Pausing(func(l spool.Lane) bool { return nameOf(l) == name })
	p.s.Configure(p.now, p.limits)
}

func (p *player) configure(args map[string]string) {
	for k, v := range args {
		n, err := strconv.Atoi(v)
		if err != nil {
			p.t.Fatal(err)
		}
		switch k {
		case "attempts":
			p.limits.Attempts = n
		case "jobs":
			p.limits.Jobs = n
		case "lanes":
			p.limits.Lanes = n
		case "claims":
			p.limits.Claims = n
		case "connections":
			p.connections = n
		}
	}
}

// claimed answers the oldest claim of a lane with jobs=N (as many as it asked
// for with "full"), each of size=, from the null path with null, tried before
// with tried.
func (p *player) claimed(name string, args map[string]string) {
	if len(p.claims[name]) == 0 {
		p.t.Errorf("no claim of %s to answer", name)
		return
	}
	a := p.claims[name][0]
	p.claims[name] = p.claims[name][1:]
	n, _ := strconv.Atoi(args["jobs"])
	if _, full := args["full"]; full {
		n = a.Max
	}
	size, _ := strconv.ParseInt(args["size"], 10, 64)
	var jobs []spool.Job
	for range n {
		p.jobs++
		j := spool.Job{N: p.jobs, Lane: a.Lane, Size: size, Sender: mail.Path{Address: mail.Address{Local: "s", Domain: "s.example"}}}
		if _, null := args["null"]; null {
			j.Sender = mail.Path{}
		}
		if _, tried := args["tried"]; tried {
			j.Attempts = 1
		}
		jobs = append(jobs, j)
	}
	var err error
	if _, bad := args["error"]; bad {
		err = errors.New("not now")
	}
	p.s.Claimed(p.now, a, jobs, err)
}

// scanned answers a scan: "scanned t/a@+5s t/b@+1hz", with z of those asleep.
func (p *player) scanned(lanes []string) {
	if p.scan == nil {
		p.t.Fatal("no scan to answer")
	}
	var due []spool.LaneDue
	for _, l := range lanes {
		name, at, _ := strings.Cut(l, "@")
		at, asleep := strings.CutSuffix(at, "z")
		due = append(due, spool.LaneDue{Lane: laneOf(name), Due: p.at(at), Asleep: asleep})
	}
	a := *p.scan
	p.scan = nil
	p.s.Scanned(p.now, a, due, nil)
}

// finished answers starts: "finished reached 1 2 3".
func (p *player) finished(words []string) {
	f := map[string]Feedback{"none": FeedbackNone, "reached": FeedbackReached, "unreachable": FeedbackUnreachable}[words[0]]
	why := Failure{Reply: mail.Reply{Code: 451, Text: "no answer"}}
	for _, w := range words[1:] {
		n, err := strconv.Atoi(w)
		a, ok := p.going[n]
		if err != nil || !ok {
			p.t.Errorf("job %s is not on its way", w)
			continue
		}
		delete(p.going, n)
		p.s.Ended(p.now, a, f, why)
		p.s.Finished(p.now, a)
	}
}

func (p *player) at(s string) time.Time {
	d, err := time.ParseDuration(strings.TrimPrefix(s, "+"))
	if s != "" && err != nil {
		p.t.Fatal(err)
	}
	return p.now.Add(d)
}

func (p *player) actions() string {
	var b strings.Builder
	for {
		a, ok := p.s.Next(p.now)
		if !ok {
			fmt.Fprintf(&b, "wake %s\n", p.offset(p.s.Wake()))
			return b.String()
		}
		switch a.Kind {
		case ActionClaim:
			name := nameOf(a.Lane)
			p.claims[name] = append(p.claims[name], a)
			fmt.Fprintf(&b, "claim %s max=%d", name, a.Max)
			if !a.From.IsZero() {
				b.WriteString(" from=" + p.offset(a.From))
			}
			if a.Light {
				b.WriteString(" light")
			}
			if a.Asleep {
				b.WriteString(" asleep")
			}
			b.WriteByte('\n')
		case ActionScan:
			p.scan = &a
			fmt.Fprintf(&b, "scan before=%s\n", p.offset(a.Before))
		case ActionStart:
			p.going[a.Job.N] = a
			fmt.Fprintf(&b, "start %d %s\n", a.Job.N, nameOf(a.Lane))
		case ActionDefer:
			p.going[a.Job.N] = a
			fmt.Fprintf(&b, "defer %d %s (%s)\n", a.Job.N, nameOf(a.Lane), a.Failure.Reply)
		}
	}
}

func (p *player) offset(t time.Time) string { return "+" + t.Sub(epoch).String() }

// senderOf gives the path of a name; "" is <>.
func senderOf(name string) mail.Path {
	if name == "" {
		return mail.Path{}
	}
	return mail.Path{Address: mail.Address{Local: name, Domain: "s.example"}}
}

// laneOf reads "tenant/nexthop"; all are of one transport.
func laneOf(s string) spool.Lane {
	tenant, hop, _ := strings.Cut(s, "/")
	return spool.Lane{Tenant: tenant, Transport: "mx", Nexthop: hop}
}

func nameOf(l spool.Lane) string { return l.Tenant + "/" + l.Nexthop }
