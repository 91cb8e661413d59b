package crash

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/lab"
	"github.com/postroad/postroad/test/load"
	"github.com/postroad/postroad/test/peer"
)

// dealUntil keeps sending over so many connections until ctx ends.
func dealUntil(ctx context.Context, l *load.Ledger, addr string, sessions int, tell func(promise)) (wait func()) {
	var wg sync.WaitGroup
	for range sessions {
		wg.Go(func() {
			for ctx.Err() == nil {
				if deal(ctx, l, addr, 50, tell) != nil {
					time.Sleep(20 * time.Millisecond)
				}
			}
		})
	}
	return wg.Wait
}

// newestLog is the log that the database writes to.
func newestLog(t *testing.T, data string) string {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(data, "spool/db/*.log"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("no log in %s: %v", data, err)
	}
	return slices.Max(logs)
}

// TestFailingDisk fails calls of a running server on its disk. What it answered
// 250 is there after a restart; a failed sync is not tried again and answered,
// but ends the process.
func TestFailingDisk(t *testing.T) {
	peer.Need(t, "strace")
	// The counts are of each thread by itself, and the log is another file once a
	// memtable is full: they are small, so that one comes to them in time.
	for name, inject := range map[string]string{
		"sync of a log":        "fdatasync:error=EIO:when=3",
		"write to a log":       "write:error=EIO:when=4",
		"full while it writes": "write:error=ENOSPC:when=3",
		"syncs from then on":   "fdatasync:error=EIO:when=2+",
	} {
		t.Run(name, func(t *testing.T) {
			r := peer.NewRelay(t)
			r.Expects = []string{"spool: the database failed, ending the process"}
			p := r.Start(t)
			detach := trace(t, p, filepath.Join(r.Dir, "trace"), "-P", newestLog(t, r.Data), "-e", "trace=write,fdatasync", "-e", "inject="+inject)
			l := load.NewLedger()
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			ended := make(chan struct{})
			go func() {
				p.Cmd.Wait()
				close(ended)
			}()
			wait := dealUntil(ctx, l, r.Addr, 8, func(promise) {})
			select {
			case <-ended:
			case <-ctx.Done():
				t.Error("the server goes on although its log failed")
			}
			cancel()
			wait()
			detach()
			acked := len(l.AckedIDs())
			r.Start(t)
			a := settled(t, l, r.Sink)
			t.Logf("%s: the server ended after %d acknowledged messages; 0 lost, %d altered, %d twice", name, acked, len(a.Altered), a.Duplicates)
		})
	}
}

// TestFailingBody fails the sync of big bodies: each is answered without a 250,
// and after a restart the server takes mail again.
func TestFailingBody(t *testing.T) {
	peer.Need(t, "strace")
	r := peer.NewRelay(t)
	r.Expects = []string{"spool: a big body could not be made durable"}
	p := r.Start(t)
	// Of the calls on the folder body, only the sync of its names is followed.
	detach := trace(t, p, filepath.Join(r.Dir, "trace"), "-P", filepath.Join(r.Data, "spool/body"), "-e", "trace=fsync", "-e", "inject=fsync:error=EIO")
	l := load.NewLedger()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	failed := deal(ctx, l, r.Addr, 200, func(promise) {})
	if failed == nil || !strings.Contains(failed.Error(), "451") {
		t.Errorf("a body whose folder was not synced: %v", failed)
	}
	if err := deal(ctx, l, r.Addr, 1, func(promise) {}); err == nil {
		t.Error("mail is taken after a disk failed")
	}
	detach()
	p.Cmd.Process.Signal(syscall.SIGTERM)
	p.Cmd.Wait()
	r.Start(t)
	if err := deal(ctx, l, r.Addr, 5, func(promise) {}); err != nil {
		t.Errorf("after the restart: %v", err)
	}
	a := settled(t, l, r.Sink)
	t.Logf("%d acknowledged, 0 lost, %d altered, %d twice", a.Acked, len(a.Altered), a.Duplicates)
}

// TestSlowDisk makes each sync take half a second longer. Acceptance slows down
// to that; what was accepted goes on from memory without waiting for the disk.
func TestSlowDisk(t *testing.T) {
	peer.Need(t, "strace")
	const slow = 500 * time.Millisecond
	lasts := 6 * time.Second
	if os.Getenv("POSTROAD_CRASH") == "all" {
		lasts = 30 * time.Second
	}
	r := peer.NewRelay(t)
	detach := trace(t, r.Start(t), filepath.Join(r.Dir, "trace"), "-e", "trace=fdatasync", "-e", fmt.Sprintf("inject=fdatasync:delay_enter=%d", slow.Microseconds()))
	l := load.NewLedger()
	var mu sync.Mutex
	acked := map[string]time.Time{}
	ctx, cancel := context.WithTimeout(context.Background(), lasts)
	defer cancel()
	begun := time.Now()
	dealUntil(ctx, l, r.Addr, 20, func(p promise) {
		mu.Lock()
		defer mu.Unlock()
		acked[p.id] = p.at
	})()
	took := time.Since(begun)
	time.Sleep(time.Second)
	detach()
	waits := arrivals(r.Sink, acked)
	a := settled(t, l, r.Sink)
	if len(waits) < 20 {
		t.Fatalf("only %d messages: nothing was measured", len(waits))
	}
	slices.Sort(waits)
	p50, p99 := waits[len(waits)/2], waits[len(waits)*99/100]
	if rate := float64(len(acked)) / took.Seconds(); rate > 20/slow.Seconds()*1.2 {
		t.Errorf("%.0f messages a second were taken: the disk was not slow", rate)
	}
	if p50 > slow/4 {
		t.Errorf("half of the deliveries came later than %v after their 250: delivery waits for the disk", p50)
	}
	t.Logf("%d messages in %v with syncs of %v; from the 250 to the next hop p50 %v, p99 %v; %d lost, %d altered", len(acked), took.Round(time.Second), slow,
		p50.Round(time.Millisecond), p99.Round(time.Millisecond), len(a.Lost), len(a.Altered))
}

// arrivals gives how long after its 250 each message was at the next hop.
func arrivals(sink *lab.Receiver, acked map[string]time.Time) (waits []time.Duration) {
	for _, m := range sink.Messages() {
		id, _ := load.Identify(m.Data)
		if at, ok := acked[id]; ok {
			waits = append(waits, max(0, m.At.Sub(at)))
		}
	}
	return waits
}

// smallDisk mounts a file system in memory.
func smallDisk(t *testing.T, options string) string {
	t.Helper()
	peer.Need(t, "mount", "umount")
	dir := peer.Dir(t)
	if err := syscall.Mount("postroad-test", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("mounting tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestFullDisk fills a small disk, in octets and in files, with a next hop that
// takes nothing: 452 comes before the disk is full and nothing hangs; when the
// next hop takes mail again, what is queued is delivered, which frees room, and mail is taken
// again. None of what was acknowledged is lost.
func TestFullDisk(t *testing.T) {
	for _, c := range []struct{ name, options, free string }{
		{"octets", "size=320m", "128MiB"},
		{"inodes", "size=1g,nr_inodes=220", "64MiB"},
	} {
		t.Run(c.name, func(t *testing.T) { fillDisk(t, smallDisk(t, c.options), c.free) })
	}
}

func fillDisk(t *testing.T, data, least string) {
	r := peer.NewRelay(t)
	r.Data, r.Head = data, fmt.Sprintf("min_free = %q\n", least)
	r.Sink.On(lab.Rule{At: lab.Mail, Reply: "451 4.3.0 later"})
	server := r.Start(t)
	l := load.NewLedger()
	l.BigEvery(1) // a file each, which fills both
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	wait := dealUntil(ctx, l, r.Addr, 6, func(promise) {})
	peer.WaitFor(t, 90*time.Second, func() error { return refusesFull(r.Addr) })
	before := len(l.AckedIDs())
	left := ^uint64(0)
	for range 30 { // it stays so under load, with room left
		time.Sleep(100 * time.Millisecond)
		var st syscall.Statfs_t
		if err := syscall.Statfs(data, &st); err != nil || st.Bavail == 0 || st.Ffree == 0 {
			t.Fatalf("the disk is full: %+v, %v", st, err)
		}
		left = min(left, st.Ffree)
	}
	begun := time.Now()
	if err := peer.Greets(r.Addr); err != nil || time.Since(begun) > 5*time.Second {
		t.Errorf("a full disk and a greeting: %v after %v", err, time.Since(begun))
	}
	r.Sink.Clear()
	peer.WaitFor(t, 90*time.Second, func() error {
		if n := len(l.AckedIDs()); n <= before+20 {
			return fmt.Errorf("%d messages were taken before the disk was full, %d now", before, n)
		}
		return nil
	})
	cancel()
	wait()
	a := settled(t, l, r.Sink)
	server.Cmd.Process.Signal(syscall.SIGINT) // before its disk goes
	server.Cmd.Wait()
	t.Logf("%d messages until 452, %d in all; 0 lost, %d altered, %d twice; %d inodes left at the fullest", before, a.Acked, len(a.Altered), a.Duplicates, left)
}

// refusesFull gives an error unless MAIL is answered 452.
func refusesFull(addr string) error {
	d, err := lab.Dial(context.Background(), addr)
	if err != nil {
		return err
	}
	defer d.Close()
	for _, line := range []string{"", "EHLO full.test", "MAIL FROM:<s@src.test>"} {
		var r lab.Reply
		if line == "" {
			r, err = d.Reply()
		} else {
			r, err = d.Command(line)
		}
		if err != nil {
			return err
		}
		if r.Code == 452 {
			return nil
		}
	}
	return fmt.Errorf("MAIL is not refused")
}
