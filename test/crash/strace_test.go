package crash

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/lab"
	"github.com/postroad/postroad/test/load"
	"github.com/postroad/postroad/test/peer"
)

// trace follows a running process by strace, which may fail or slow its calls,
// until the function that it gives is called.
func trace(t *testing.T, p *peer.Postroad, out string, args ...string) (detach func()) {
	t.Helper()
	pid := fmt.Sprint(p.Cmd.Process.Pid)
	cmd := exec.Command("strace", append([]string{"-f", "-q", "-y", "-o", out, "-p", pid}, args...)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	detach = sync.OnceFunc(func() {
		cmd.Process.Signal(syscall.SIGINT)
		cmd.Wait()
	})
	t.Cleanup(detach)
	peer.WaitFor(t, 10*time.Second, func() error { return traced(pid) })
	return detach
}

// traced gives an error while a thread of a process has no tracer yet.
func traced(pid string) error {
	tasks, err := filepath.Glob("/proc/" + pid + "/task/*/status")
	if err == nil && len(tasks) == 0 {
		err = fmt.Errorf("process %s is gone", pid)
	}
	for _, name := range tasks {
		text, _ := os.ReadFile(name)
		if strings.Contains(string(text), "TracerPid:\t0\n") {
			return fmt.Errorf("%s is not traced", name)
		}
	}
	return err
}

// promise is a message with the reply that took it, and when that came.
type promise struct {
	id, reply string
	at        time.Time
}

// deal sends messages over one connection, one after the other, and tells of
// each that was answered 250, until one was not or there are enough.
func deal(ctx context.Context, l *load.Ledger, addr string, most int, tell func(promise)) error {
	d, err := lab.Dial(ctx, addr)
	if err != nil {
		return err
	}
	defer d.Close()
	if _, err := d.Reply(); err != nil {
		return err
	}
	if _, err := d.Command("EHLO trace.test"); err != nil {
		return err
	}
	for n := 0; n < most && ctx.Err() == nil; n++ {
		id, data := l.Draft()
		for _, line := range []string{"MAIL FROM:<s@src.test>", "RCPT TO:<u@b.test>", "DATA"} {
			if r, err := d.Command(line); err != nil || r.Code >= 400 {
				return fmt.Errorf("%s: %v %w", line, r, err)
			}
		}
		r, err := d.Message(data)
		if err != nil || r.Code != 250 {
			return fmt.Errorf("end of data: %v %w", r, err)
		}
		l.Ack(id)
		tell(promise{id, r.String(), time.Now()})
	}
	return nil
}

// call is a system call in a trace: the lines on which it began and was done.
type call struct {
	name, text string
	begun      int
	done       int
	ok         bool
}

var (
	callLine    = regexp.MustCompile(`^(\d+) +([a-z_0-9]+)\((.*)$`)
	resumedLine = regexp.MustCompile(`^(\d+) +<\.\.\. [a-z_0-9]+ resumed>(.*)$`)
)

// callsOf reads a trace. The order of its lines is that of the events, since a
// traced thread goes on only after its line.
func callsOf(t *testing.T, file string) []*call {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 8<<20)
	var out []*call
	open := map[string]*call{}
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if m := resumedLine.FindStringSubmatch(line); m != nil {
			if c := open[m[1]]; c != nil {
				c.done, c.ok = n, !strings.Contains(m[2], "= -1")
				delete(open, m[1])
			}
		} else if m := callLine.FindStringSubmatch(line); m != nil {
			c := &call{name: m[2], text: m[3], begun: n}
			if strings.HasSuffix(line, "<unfinished ...>") {
				open[m[1]] = c
			} else {
				c.done, c.ok = n, !strings.Contains(line[max(0, len(line)-80):], "= -1")
			}
			out = append(out, c)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// isSync tells a call that makes a file durable.
func (c *call) isSync() bool { return c.name == "fdatasync" || c.name == "fsync" }

// file is the path of the descriptor that a call is about.
func (c *call) file() string {
	_, rest, _ := strings.Cut(c.text, "<")
	path, _, _ := strings.Cut(rest, ">")
	return path
}

// TestSyncBeforeReply holds the trace of a server at work against its promise:
// between the write of a message to the log, which follows its last octet, and
// its 250 stands a completed fdatasync of that log; for a big body one of its
// file and one of its folder as well.
func TestSyncBeforeReply(t *testing.T) {
	peer.Need(t, "strace")
	sessions, each := 8, 15
	r := peer.NewRelay(t)
	out := filepath.Join(r.Dir, "trace")
	detach := trace(t, r.Start(t), out, "-s", "40000", "-e", "trace=write,fdatasync,fsync,sync_file_range")
	l := load.NewLedger()
	var mu sync.Mutex
	var promises []promise
	var wg sync.WaitGroup
	for range sessions {
		wg.Go(func() {
			err := deal(context.Background(), l, r.Addr, each, func(p promise) {
				mu.Lock()
				defer mu.Unlock()
				promises = append(promises, p)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	detach()
	calls := callsOf(t, out)
	big, syncs := 0, 0
	for _, c := range calls {
		if c.isSync() && strings.HasSuffix(c.file(), ".log") {
			syncs++
		}
	}
	for _, p := range promises {
		if p.holds(t, calls) {
			big++
		}
	}
	if len(promises) != sessions*each || big == 0 {
		t.Errorf("%d messages were taken, %d of them big, of %d", len(promises), big, sessions*each)
	}
	t.Logf("%d messages in %d sessions, %d of them big: each log write synced before its 250; %d syncs of a log in all", len(promises), sessions, big, syncs)
}

// holds checks one promise, and tells whether the body has a file of its own.
func (p promise) holds(t *testing.T, calls []*call) (big bool) {
	t.Helper()
	spoolID := p.reply[strings.LastIndexByte(p.reply, ' ')+1:]
	var written, bodySync, folderSync *call
	reply := 0
	for _, c := range calls {
		switch {
		case c.name == "write" && strings.HasSuffix(c.file(), ".log") && strings.Contains(c.text, p.id):
			written = c
		case c.name == "write" && strings.Contains(c.text, "queued as "+spoolID):
			reply = c.begun
		case c.isSync() && strings.HasSuffix(c.file(), spoolID):
			bodySync = c
		case c.isSync() && bodySync != nil && folderSync == nil && strings.HasSuffix(c.file(), "/body"):
			folderSync = c
		}
		if reply > 0 {
			break
		}
	}
	big = bodySync != nil
	switch {
	case reply == 0:
		t.Errorf("%s: the trace has no reply", p.id)
	case big && (!done(bodySync, reply) || !done(folderSync, reply) || !syncedLog(calls, folderSync, reply)):
		t.Errorf("%s: the big body was not durable before its reply", p.id)
	case !big && (written == nil || !syncedLog(calls, written, reply)):
		t.Errorf("%s: no completed sync between its write to the log and its reply", p.id)
	}
	return big
}

// done tells that a call succeeded before a line.
func done(c *call, before int) bool { return c != nil && c.ok && c.done > 0 && c.done < before }

// syncedLog tells that a log was synced as a whole between a call and a line.
func syncedLog(calls []*call, after *call, before int) bool {
	for _, c := range calls {
		if c.isSync() && strings.HasSuffix(c.file(), ".log") && c.begun > after.done && done(c, before) &&
			(after.name != "write" || c.file() == after.file()) {
			return true
		}
	}
	return false
}
