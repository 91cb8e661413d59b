package interop

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/lab"
	"github.com/postroad/postroad/test/peer"
)

const (
	listMembers = 50_000
	listGone    = 150 // of them, whom their host does not know
	listLocal   = 2   // of them, in a hosted domain
)

// What a list of 50 000 may cost: memory of the whole process, and the time from
// 250 to the last delivery.
const (
	listMemory = 128 << 20
	listTime   = 30 * time.Second
)

// mailingList is postroad with a list, the hosts of its members, and its owner's.
type mailingList struct {
	*peer.Postroad
	smtp  string
	data  string
	sink  *lab.Receiver
	store *lab.Receiver
}

func startList(t *testing.T) *mailingList {
	t.Helper()
	l := &mailingList{smtp: peer.FreePort(t)}
	for _, r := range []struct {
		to     **lab.Receiver
		config lab.Config
	}{{&l.sink, lab.Config{Name: "sink.test"}}, {&l.store, lab.Config{Name: "store.test", LMTP: true}}} {
		started, err := lab.Listen(r.config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { started.Close() })
		*r.to = started
	}
	dir := peer.Dir(t)
	l.data = filepath.Join(dir, "data")
	var members bytes.Buffer
	members.WriteString("ann@lists.test\nteam@lists.test\n")
	for i := range listGone {
		fmt.Fprintf(&members, "gone%d@gone.test\n", i)
	}
	for i := range listMembers - listGone - listLocal {
		fmt.Fprintf(&members, "m%d@far.test\n", i)
	}
	peer.Write(t, dir, "members", members.String())
	l.Postroad = peer.StartPostroad(t, dir, head(dir, l.smtp)+fmt.Sprintf(`
log {
  level = "warn"
}
domain "lists.test" {
  mailboxes = ["ann", "bob"]
  aliases   = { "team" = ["bob"] }
  deliver   = transport.store
}
list "all" {
  address = "all@lists.test"
  members = table.members
  owner   = "ann@lists.test"
  request = "bob@lists.test"
}
table "file" "members" {
  path   = "members"
  format = "list"
}
transport "lmtp" "store" {
  to = [%q]
}
transport "smtp" "sink" {
  to = [%q]
}
route "default" {
  via = transport.sink
}
`, l.store.Addr, l.sink.Addr), l.smtp)
	return l
}

func (l *mailingList) send(t *testing.T, from, to string, data []byte) {
	t.Helper()
	r, err := lab.Send(l.smtp, from, []string{to}, data)
	if err != nil || !r.Accepted() {
		t.Fatalf("%s: %v %v", to, err, r.Refusal())
	}
}

// bodies counts the files of big bodies.
func (l *mailingList) bodies(t *testing.T) int {
	t.Helper()
	n := 0
	err := filepath.WalkDir(l.data, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Base(filepath.Dir(path)) == "body" {
			n++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// peak is the most memory that the process ever had.
func (l *mailingList) peak(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", l.Cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(text)
	if m == nil {
		t.Fatal("no VmHWM")
	}
	kb, _ := strconv.ParseInt(string(m[1]), 10, 64)
	return kb << 10
}

// delivered gives how often the message is at each address of the sink.
func delivered(all []lab.Message) map[string]int {
	out := map[string]int{}
	for _, m := range all {
		for _, to := range m.To() {
			out[to]++
		}
	}
	return out
}

// A message to 50 000: one body on disk, every member once, and all who cannot be
// reached are told to the owner.
func TestListOfFiftyThousand(t *testing.T) {
	peer.Need(t)
	l := startList(t)
	l.sink.On(lab.Rule{At: lab.Rcpt, Match: "@gone.test", Reply: "550 5.1.1 unknown"})
	l.sink.On(lab.Rule{At: lab.Mail, Times: 1, Delay: 2 * time.Second}) // the bodies are counted meanwhile
	body := []byte("From: w@writer.test\r\nSubject: to all\r\n\r\n" + strings.Repeat(strings.Repeat("x", 76)+"\r\n", 4<<10))
	begun := time.Now()
	l.send(t, "w@writer.test", "all@lists.test", body)
	bodies := l.waitExpanded(t)
	got := l.waitMembers(t)
	took := time.Since(begun)
	for to, n := range got {
		if n != 1 {
			t.Fatalf("%s has it %d times", to, n)
		}
	}
	for _, m := range l.sink.Messages() {
		if m.Sender != "owner-all@lists.test" || !bytes.HasSuffix(m.Data, body) {
			t.Fatalf("from %s, and the message is altered: %v", m.Sender, !bytes.HasSuffix(m.Data, body))
		}
	}
	failed := l.waitBounces(t)
	peak := l.peak(t)
	t.Logf("%d members: %.1f s, %d body on disk, %d MB of memory at most, %d transactions, %d bounces to the owner",
		listMembers, took.Seconds(), bodies, peak>>20, l.sink.Len(), failed)
	if bodies != 1 || peak > listMemory || took > listTime {
		t.Errorf("%d bodies, %d octets, %v: want 1, %d, %v", bodies, peak, took, listMemory, listTime)
	}
}

// waitExpanded waits until the list's own message is gone and gives the bodies
// that are left. Its file goes a moment after the members' mail may begin.
func (l *mailingList) waitExpanded(t *testing.T) (bodies int) {
	t.Helper()
	peer.WaitFor(t, 30*time.Second, func() error {
		if bodies = l.bodies(t); l.sink.Connections() == 0 || bodies == 0 {
			return fmt.Errorf("%d bodies, %d connections", bodies, l.sink.Connections())
		}
		return nil
	})
	for end := time.Now().Add(time.Second); bodies != 1 && time.Now().Before(end); bodies = l.bodies(t) {
		time.Sleep(20 * time.Millisecond)
	}
	return bodies
}

// waitMembers waits until all whom their hosts know have the message.
func (l *mailingList) waitMembers(t *testing.T) map[string]int {
	t.Helper()
	var got map[string]int
	peer.WaitFor(t, 2*listTime, func() error {
		got = delivered(l.sink.Messages())
		if n := len(got); n < listMembers-listGone-listLocal {
			return fmt.Errorf("%d members have it", n)
		}
		return nil
	})
	return got
}

// waitBounces waits until the owner was told of all who are gone, and of nobody
// else.
func (l *mailingList) waitBounces(t *testing.T) int {
	t.Helper()
	of := regexp.MustCompile(`(?m)^Final-Recipient: rfc822; ?gone\d+@gone\.test\r$`)
	failed, lines, copies := 0, 0, map[string]int{}
	peer.WaitFor(t, 20*time.Second, func() error {
		failed, lines, copies = 0, 0, map[string]int{}
		for _, m := range l.store.Messages() {
			if m.Sender != "" {
				copies[m.Recipients[0].Address]++
				continue
			}
			if m.Recipients[0].Address != "ann@lists.test" {
				t.Fatalf("a report goes to %s", m.Recipients[0].Address)
			}
			failed += len(of.FindAll(m.Data, -1))
			lines += bytes.Count(m.Data, []byte("\nFinal-Recipient:"))
		}
		if failed < listGone || copies["ann@lists.test"] != 1 || copies["bob@lists.test"] != 1 {
			return fmt.Errorf("%d of %d bounces told, hosted members have %v", failed, listGone, copies)
		}
		return nil
	})
	if failed != listGone || lines != failed {
		t.Errorf("%d recipients are told in %d lines, want %d", failed, lines, listGone)
	}
	return failed
}

// The addresses of a list: owner-, -request, and no list within itself.
func TestListAddresses(t *testing.T) {
	peer.Need(t)
	l := startList(t)
	l.sink.On(lab.Rule{At: lab.Rcpt, Reply: "451 4.3.0 later"})
	for to, want := range map[string]string{"owner-all@lists.test": "ann@lists.test", "all-request@lists.test": "bob@lists.test"} {
		l.store.Forget()
		l.send(t, "w@writer.test", to, []byte("Subject: x\r\n\r\nx\r\n"))
		got, err := l.store.WaitMessages(1, 10*time.Second)
		if err != nil || got[0].Recipients[0].Address != want || got[0].Sender != "w@writer.test" {
			t.Errorf("%s: %v %+v", to, err, got)
		}
	}
	// Mail that went out to the members and comes back has the list's Delivered-To.
	r, err := lab.Send(l.smtp, "w@writer.test", []string{"all@lists.test"}, []byte("Delivered-To: all@lists.test\r\nSubject: x\r\n\r\nx\r\n"))
	if err != nil || r.Refusal().Code != 554 {
		t.Errorf("a list's mail comes back: %v %v", err, r.Refusal())
	}
}
