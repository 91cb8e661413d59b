package interop

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/lab"
	"github.com/postroad/postroad/test/peer"
)

// Fifty thousand mailboxes in five domains, and one transaction to all of them.
const (
	crowdDomains = 5
	crowdEach    = 10_000
	crowdMemory  = 128 << 20 // of it 45 MB are the program's own file
	crowdTime    = 30 * time.Second
)

// startCrowd starts postroad before a store with all of the mailboxes.
func startCrowd(t *testing.T) *mailingList {
	t.Helper()
	l := &mailingList{smtp: peer.FreePort(t)}
	var err error
	if l.store, err = lab.Listen(lab.Config{Name: "store.test", LMTP: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.store.Close() })
	dir := peer.Dir(t)
	l.data = filepath.Join(dir, "data")
	var users, domains bytes.Buffer
	for d := range crowdDomains {
		fmt.Fprintf(&domains, "domain \"crowd%d.test\" {\n  mailboxes = table.users\n  deliver = transport.store\n}\n", d)
		for i := range crowdEach {
			fmt.Fprintf(&users, "u%d@crowd%d.test\n", i, d)
		}
	}
	peer.Write(t, dir, "users", users.String())
	l.Postroad = peer.StartPostroad(t, dir, fmt.Sprintf(`
hostname = "edge.test"
data     = %q
log {
  level = "warn"
}
listener "in" {
  bind           = [%q]
  max_recipients = 50000
}
table "file" "users" {
  path   = "users"
  format = "list"
}
transport "lmtp" "store" {
  to = [%q]
}
`, l.data, l.smtp, l.store.Addr)+domains.String(), l.smtp)
	return l
}

// A transaction with 50 000 recipients is one body on disk, and at its mailboxes in
// time.
func TestFiftyThousandRecipients(t *testing.T) {
	l := startCrowd(t)
	l.store.On(lab.Rule{At: lab.Mail, Times: 1, Delay: 2 * time.Second}) // the bodies are counted meanwhile
	letter := lab.Letter{Addr: l.smtp, Sender: "s@far.test", Data: []byte("Subject: all\r\n\r\n" + strings.Repeat(strings.Repeat("x", 76)+"\r\n", 4<<10))}
	for d := range crowdDomains {
		for i := range crowdEach {
			letter.Recipients = append(letter.Recipients, lab.Recipient{Address: fmt.Sprintf("u%d@crowd%d.test", i, d)})
		}
	}
	begun := time.Now()
	r, err := letter.Send(context.Background())
	if err != nil || !r.Accepted() {
		t.Fatalf("not taken: %v %v", err, r.Refusal())
	}
	taken, bodies := time.Since(begun), l.bodies(t)
	var got map[string]int
	peer.WaitFor(t, 3*crowdTime, func() error {
		if got = delivered(l.store.Messages()); len(got) < crowdDomains*crowdEach {
			return fmt.Errorf("%d mailboxes have it", len(got))
		}
		return nil
	})
	took, peak := time.Since(begun), l.peak(t)
	for to, n := range got {
		if n != 1 {
			t.Fatalf("%s has it %d times", to, n)
		}
	}
	t.Logf("%d recipients: taken in %.1f s, delivered in %.1f s, %d body on disk, %d MB of memory at most, %d transactions",
		len(got), taken.Seconds(), took.Seconds(), bodies, peak>>20, l.store.Len())
	if bodies != 1 || peak > crowdMemory || took > crowdTime {
		t.Errorf("%d bodies, %d octets, %v: want 1, %d, %v", bodies, peak, took, crowdMemory, crowdTime)
	}
}
