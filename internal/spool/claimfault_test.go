package spool_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

// TestClaimTellsWhatItCannotRead: a claim that the disk cuts short gives what it
// has got and says that there is more; that comes once the disk reads again.
func TestClaimTellsWhatItCannotRead(t *testing.T) {
	const mails = 400 // several blocks of a table: fewer may lie in one
	disk := vfs.NewMem()
	p := open(t, crashOptions(disk))
	for i := range mails {
		d, err := p.Create(t.Context())
		if err == nil {
			_, err = io.WriteString(d, strings.Repeat("x", 300))
		}
		if err == nil {
			to := []spool.Recipient{{Final: mail.Address{Local: fmt.Sprint(i), Domain: "b.test"}}}
			err = d.Commit(spool.Envelope{}, []spool.Job{{Lane: spool.Lane{Nexthop: "a"}, Recipients: to}})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	ask := spool.ClaimReq{Lane: spool.Lane{Nexthop: "a"}, Before: epoch, Max: mails, LeaseFor: time.Hour}
	both := 0
	for n := 1; ; n++ {
		f := &fault{kind: errorfs.OpFileReadAt, nth: 1 << 30, lasting: true}
		p := open(t, crashOptions(errorfs.Wrap(disk, f)))
		f.after(n)
		jobs, err := p.Claim(t.Context(), ask)
		read := f.path() == ""
		f.after(1 << 30)
		if (err == nil) != (len(jobs) == mails) || err != nil && !errors.Is(err, spool.ErrUnavailable) {
			t.Errorf("read %d failed: %d jobs and %v", n, len(jobs), err)
		}
		if err != nil && len(jobs) > 0 {
			both++
		}
		rest, err := p.Claim(t.Context(), ask)
		if err != nil || len(jobs)+len(rest) != mails {
			t.Errorf("read %d failed: %d jobs, and then %d of %d, %v", n, len(jobs), len(rest), mails, err)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		if read || t.Failed() {
			break
		}
	}
	if both == 0 {
		t.Error("no claim was cut short")
	}
}
