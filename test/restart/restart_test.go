package restart

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/lab"
	"github.com/postroad/postroad/test/load"
	"github.com/postroad/postroad/test/peer"
)

func TestMain(m *testing.M) {
	peer.Main(m)
}

// pace of the load: messages a second, each over a connection of its own, and for
// how long; so many restarts happen meanwhile.
func pace() (rate int, lasts time.Duration, restarts int) {
	if os.Getenv("POSTROAD_CRASH") == "all" {
		return 1000, 60 * time.Second, 20
	}
	return 200, 5 * time.Second, 3
}

// tally is what became of the clients.
type tally struct {
	mu      sync.Mutex // guards what follows
	sent    int
	later   int // were told 421, or the like, before their transaction
	refused []error
	broken  []error
	longest time.Duration // from the connection to the last reply
}

func (c *tally) note(begin time.Time, later bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.longest = max(c.longest, time.Since(begin))
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		c.refused = append(c.refused, err)
	case err != nil:
		c.broken = append(c.broken, err)
	case later:
		c.later++
	default:
		c.sent++
	}
}

func TestRestartUnderLoad(t *testing.T) {
	r := peer.NewRelay(t)
	p := r.Start(t)
	ledger := load.NewLedger()
	var c tally
	rate, lasts, restarts := pace()
	ctx, cancel := context.WithTimeout(t.Context(), lasts)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		paced(ctx, rate, func() { one(ledger, &c, r.Addr) })
	}()
	for range restarts {
		time.Sleep(lasts / time.Duration(restarts+1))
		restart(t, p)
	}
	<-done
	peer.WaitFor(t, 30*time.Second, ledger.Follow(r.Sink))
	a := ledger.Account()
	if len(c.refused)+len(c.broken) > 0 {
		t.Errorf("%d connections were refused, %d broken: %v", len(c.refused), len(c.broken), errors.Join(append(c.refused, c.broken...)...))
	}
	if c.sent < rate || len(a.Altered) > 0 || a.Duplicates > 20*restarts {
		t.Errorf("%d sent, %d altered, %d twice", c.sent, len(a.Altered), a.Duplicates)
	}
	t.Logf("%d restarts at %d messages a second: %d sent, %d told to come later, 0 refused, %d twice, longest stall %v",
		restarts, rate, c.sent, c.later, a.Duplicates, c.longest.Round(time.Millisecond))
}

// restart has the server replaced, which keeps its process.
func restart(t *testing.T, p *peer.Postroad) {
	t.Helper()
	out, err := exec.Command(p.Bin, "restart", "-c", p.Config).CombinedOutput()
	if err != nil || !strings.Contains(string(out), fmt.Sprintf("process %d\n", p.Cmd.Process.Pid)) {
		t.Errorf("restart: %v: %s", err, out)
	}
}

// paced calls do so many times a second, each in its own goroutine, and waits for
// all of them.
func paced(ctx context.Context, rate int, do func()) {
	var group sync.WaitGroup
	defer group.Wait()
	begin := time.Now()
	for n := 0; ctx.Err() == nil; n++ {
		group.Go(do)
		time.Sleep(time.Until(begin.Add(time.Duration(n) * time.Second / time.Duration(rate))))
	}
}

// one sends a message over a connection of its own.
func one(ledger *load.Ledger, c *tally, addr string) {
	begin := time.Now()
	id, data := ledger.Draft()
	later, err := send(addr, data)
	if err == nil && !later {
		ledger.Ack(id)
	}
	c.note(begin, later, err)
}

// send tells whether the server wants it later.
func send(addr string, data []byte) (later bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	d, err := lab.Dial(ctx, addr)
	if err != nil {
		return false, err
	}
	defer d.Close()
	r, err := d.Reply()
	for _, line := range []string{"EHLO load.test", "MAIL FROM:<s@src.test>", "RCPT TO:<u@b.test>", "DATA"} {
		if err != nil || r.Code == 421 {
			return err == nil, err
		}
		if r, err = d.Command(line); err != nil {
			return false, fmt.Errorf("%s: %w", line, err)
		}
	}
	if r.Code != 354 {
		return r.Code/100 == 4, fmt.Errorf("DATA: %v", r)
	}
	if r, err = d.Message(data); err != nil || r.Code != 250 {
		return false, fmt.Errorf("end of data: %v, %w", r, err)
	}
	return false, nil
}

// TestRestartEndsSessions: who is idle is told 421, who is in a transaction ends
// it first.
func TestRestartEndsSessions(t *testing.T) {
	r := peer.NewRelay(t)
	p := r.Start(t)
	idle, busy := greet(t, r.Addr), greet(t, r.Addr)
	for _, line := range []string{"MAIL FROM:<s@src.test>", "RCPT TO:<u@b.test>", "DATA"} {
		if _, err := busy.Command(line); err != nil {
			t.Fatal(err)
		}
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		restart(t, p)
	}()
	if r, err := idle.Reply(); err != nil || r.Code != 421 {
		t.Errorf("an idle session heard %v, %v", r, err)
	}
	if err := busy.Write("Subject: under way\r\n\r\nx\r\n.\r\n"); err != nil {
		t.Fatal(err)
	}
	if r, err := busy.Reply(); err != nil || r.Code != 250 {
		t.Errorf("a transaction under way ended with %v, %v", r, err)
	}
	if r, err := busy.Reply(); err != nil || r.Code != 421 {
		t.Errorf("after its transaction the session heard %v, %v", r, err)
	}
	<-ended
	if _, err := r.Sink.WaitMessages(1, 10*time.Second); err != nil {
		t.Error(err)
	}
}

// refusal is the server's line in the log for a restart that it does not do.
const refusal = "the restart is refused"

// TestRestartIsRefused: a configuration that does not load leaves the server as
// it is.
func TestRestartIsRefused(t *testing.T) {
	r := peer.NewRelay(t)
	r.Expects = []string{refusal}
	p := r.Start(t)
	peer.Write(t, r.Dir, "postroad.hcl", "hostname = 7 +\n")
	if out, err := exec.Command(p.Bin, "restart", "-c", p.Config).CombinedOutput(); err == nil {
		t.Errorf("a broken configuration is no reason: %s", out)
	}
	if err := p.Cmd.Process.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	time.Sleep(500 * time.Millisecond)
	if err := peer.Greets(r.Addr); err != nil {
		t.Errorf("after the refusal: %v", err)
	}
}

// TestRestartBeforeRepair: with a spool that the next start would refuse, the
// server goes on.
func TestRestartBeforeRepair(t *testing.T) {
	r := peer.NewRelay(t)
	r.Expects = []string{refusal}
	p := r.Start(t)
	peer.Write(t, filepath.Join(r.Data, "spool"), "DAMAGED", "000007.sst\n")
	if err := p.Cmd.Process.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	peer.WaitFor(t, 10*time.Second, func() error {
		log, err := os.ReadFile(filepath.Join(r.Dir, "postroad.log"))
		if !strings.Contains(string(log), "000007.sst") {
			return fmt.Errorf("the log does not tell of it: %s, %w", log, err)
		}
		return nil
	})
	if err := peer.Greets(r.Addr); err != nil {
		t.Errorf("after the refusal: %v", err)
	}
}

// TestSocketOfSystemd: a socket that systemd holds is served, by its address, and
// clients that came before the server was there are not lost.
func TestSocketOfSystemd(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	f, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := peer.NewRelay(t)
	r.Addr = ln.Addr().String()
	early, err := net.Dial("tcp", r.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer early.Close()
	file := peer.Write(t, r.Dir, "postroad.hcl", r.Config())
	cmd := exec.Command("sh", "-c", "LISTEN_FDS=1 LISTEN_PID=$$ exec "+peer.Binary(t)+" serve -c "+file)
	cmd.ExtraFiles = []*os.File{f}
	if cmd.Stderr, err = os.Create(filepath.Join(r.Dir, "postroad.log")); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Signal(syscall.SIGTERM)
	early.SetDeadline(time.Now().Add(20 * time.Second))
	if r, err := lab.NewDialog(early).Reply(); err != nil || r.Code != 220 {
		t.Errorf("who came before the server heard %v, %v", r, err)
	}
}

func greet(t *testing.T, addr string) *lab.Dialog {
	t.Helper()
	d, err := lab.Dial(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	if _, err := d.Reply(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Command("EHLO load.test"); err != nil {
		t.Fatal(err)
	}
	return d
}
