package crash

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/lab"
	"github.com/postroad/postroad/test/peer"
)

// What many clients hold in the middle of a message, and what the server may
// take for it: far less than it is in all.
const (
	halfSent   = 900
	halfOctets = 250 << 10
	mostMemory = 256 << 20
)

// TestMemoryBudget: bodies being received share one budget; what does not fit
// waits on the disk, and every one of them is taken in the end.
func TestMemoryBudget(t *testing.T) {
	if testing.Short() {
		t.Skip("a quarter of a gigabyte over loopback")
	}
	r := peer.NewRelay(t)
	p := r.Start(t)
	all := openAll(t, r.Addr)
	if peak := peakMemory(t, p.Cmd.Process.Pid); peak > mostMemory {
		t.Errorf("%d MB of memory for %d MB in the middle of a message", peak>>20, halfSent*halfOctets>>20)
	} else {
		t.Logf("%d clients with %d MB in the middle of a message: %d MB of memory", halfSent, halfSent*halfOctets>>20, peak>>20)
	}
	for i, d := range all {
		if err := d.Write(".\r\n"); err != nil {
			t.Fatal(err)
		}
		if r, err := d.Reply(); err != nil || r.Code != 250 {
			t.Fatalf("client %d: %v, %v", i, r, err)
		}
		d.Close()
	}
}

// openAll brings all clients to the middle of their message.
func openAll(t *testing.T, addr string) []*lab.Dialog {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	body := "Subject: large\r\n\r\n" + strings.Repeat(strings.Repeat("x", 76)+"\r\n", halfOctets/78)
	all, errs := make([]*lab.Dialog, halfSent), make([]error, halfSent)
	var group sync.WaitGroup
	for w := range 50 {
		group.Go(func() {
			for i := w; i < halfSent; i += 50 {
				all[i], errs[i] = half(ctx, addr, body)
			}
		})
	}
	group.Wait()
	for i, err := range errs {
		if err != nil {
			t.Fatalf("client %d: %v", i, err)
		}
	}
	return all
}

func half(ctx context.Context, addr, body string) (*lab.Dialog, error) {
	d, err := lab.Dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	if _, err = d.Reply(); err != nil {
		return nil, err
	}
	for _, line := range []string{"EHLO load.test", "MAIL FROM:<s@src.test>", "RCPT TO:<u@b.test>", "DATA"} {
		r, err := d.Command(line)
		if err != nil || r.Code >= 400 {
			return nil, fmt.Errorf("%s: %v, %w", line, r, err)
		}
	}
	return d, d.Write(body)
}

// peakMemory is the most that a process had resident.
func peakMemory(t *testing.T, pid int) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Skip(err)
	}
	_, rest, _ := strings.Cut(string(b), "VmHWM:")
	kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kb << 10
}
