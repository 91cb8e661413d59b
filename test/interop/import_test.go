package interop

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/postroad/postroad/internal/explain"
	"github.com/postroad/postroad/internal/importer/postfix"
	"github.com/postroad/postroad/internal/server"
	"github.com/postroad/postroad/test/peer"
)

// Envelopes a configuration; over all of them at least 5 000.
const envelopesEach = 230

// Each configuration of the importer's tests runs in a real Postfix that decides
// all and delivers nothing. What it says to RCPT, and where its log says that the
// message went, is what the model of the import says, and what the imported
// configuration does, but where the import had listed a reason.
func TestImportedPostfixAnswersAlike(t *testing.T) {
	peer.Need(t, "postfix", "postmap")
	archives, err := filepath.Glob("../../internal/importer/postfix/testdata/*.txtar")
	if err != nil || len(archives) < 20 {
		t.Fatalf("%d configurations: %v", len(archives), err)
	}
	// generic(5) is smtp(8)'s, which does not run here: test/equivalence delivers it.
	archives = slices.DeleteFunc(archives, func(name string) bool { return filepath.Base(name) == "generic.txtar" })
	counts := make([]int, len(archives))
	t.Run("configurations", func(t *testing.T) {
		for i, archive := range archives {
			t.Run(strings.TrimSuffix(filepath.Base(archive), ".txtar"), func(t *testing.T) {
				t.Parallel()
				counts[i] = compareWithPostfix(t, archive)
			})
		}
	})
	total := 0
	for _, c := range counts {
		total += c
	}
	t.Logf("%d envelopes", total)
	if total < 5000 && !t.Failed() {
		t.Errorf("%d envelopes, want at least 5000", total)
	}
}

func compareWithPostfix(t *testing.T, archive string) int {
	a, err := txtar.ParseFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	files, dir := map[string]string{}, t.TempDir()
	for _, f := range a.Files {
		files[f.Name] = string(f.Data)
		peer.Write(t, dir, f.Name, string(f.Data))
	}
	in, err := postfix.Read(dir, postfix.Options{Hostname: "this.machine.example"})
	if err != nil {
		t.Fatal(err)
	}
	result := postfix.Import(in)
	route := imported(t, result)
	questions := envelopes(result)
	theirs := askPostfix(t, peer.StartDryPostfix(t, files, agents(in, files["main.cf"])), questions)
	for i, q := range questions {
		model := result.Ask(q)
		theirs[i].Shaped = model.Shaped
		if told, want := result.Told(model), result.Told(theirs[i]); told != want {
			t.Errorf("model: <%s> to <%s> from %s\n Postfix: %s\n model:   %s", q.Sender, q.Recipient, q.Client, want, told)
		}
		ours, err := route(explain.Query{Sender: q.Sender, Client: q.Client.String(), Recipients: []string{q.Recipient}})
		if err != nil {
			t.Fatal(err)
		}
		if d, differs := result.Judge(q, theirs[i], ours); differs && d.Reason == "" {
			t.Errorf("<%s> to <%s> from %s\n Postfix:  %s\n postroad: %s", q.Sender, q.Recipient, q.Client, d.Postfix, d.Postroad)
		}
	}
	return len(questions)
}

// imported writes a configuration and answers from it.
func imported(t *testing.T, r *postfix.Result) func(explain.Query) (explain.Result, error) {
	dir := t.TempDir()
	if err := r.Write(dir); err != nil {
		t.Fatal(err)
	}
	src, err := server.OpenOffline(context.Background(), filepath.Join(dir, postfix.ConfigName)).Source()
	if err != nil {
		t.Fatal(err)
	}
	return func(q explain.Query) (explain.Result, error) { return explain.Route(context.Background(), src, q) }
}

// agents are the delivery agents that discard: local(8) stays where it passes
// mailboxes on.
func agents(in *postfix.Installation, main string) []string {
	out := []string{"smtp", "relay", "lmtp", "virtual"}
	if !strings.Contains(main, "mailbox_transport") {
		out = append(out, "local")
	}
	for _, s := range in.Services {
		if s.Type == "unix" && s.Command != "error" && s.Command != "discard" && s.Command != "local" {
			out = append(out, s.Name)
		}
	}
	return out
}

// envelopes are the probes of the import, and others made of them by chance.
func envelopes(r *postfix.Result) []postfix.Question {
	probes := r.Probes()
	seen := map[postfix.Question]bool{}
	var out []postfix.Question
	add := func(q postfix.Question) {
		if len(out) < envelopesEach && !seen[q] {
			seen[q] = true
			out = append(out, q)
		}
	}
	for i := 0; i < len(probes); i += max(1, len(probes)*4/3/envelopesEach) {
		add(probes[i])
	}
	chance := rand.New(rand.NewPCG(1, 2))
	for range 50 * envelopesEach {
		pick := func() postfix.Question { return probes[chance.IntN(len(probes))] }
		add(postfix.Question{Client: pick().Client, Sender: pick().Sender, Recipient: peer.Altered(chance, pick().Recipient, pick().Recipient)})
	}
	return out
}

// askPostfix sends a message for each question and reads from the log what
// became of it.
func askPostfix(t *testing.T, p *peer.DryPostfix, questions []postfix.Question) []postfix.Answer {
	answers, ids := make([]postfix.Answer, len(questions)), make([]string, len(questions))
	const sessions = 4
	var wg sync.WaitGroup
	for s := range sessions {
		wg.Go(func() {
			c := dialSMTP(t, p.Addr)
			defer c.conn.Close()
			for i := s; i < len(questions); i += sessions {
				answers[i].Verdict, ids[i] = c.ask(questions[i])
			}
		})
	}
	wg.Wait()
	var log maillog
	peer.WaitFor(t, 60*time.Second, func() error {
		text, err := os.ReadFile(p.Log)
		if err != nil {
			return err
		}
		log = readMaillog(string(text))
		for i, id := range ids {
			if id != "" && !log.isDone(id) {
				return fmt.Errorf("message %s to %s is not done", id, questions[i].Recipient)
			}
		}
		return nil
	})
	for i, id := range ids {
		if id != "" {
			log.legs(id, questions[i], &answers[i])
		}
	}
	return answers
}

// smtpConn speaks for any client by XCLIENT.
type smtpConn struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

func dialSMTP(t *testing.T, addr string) *smtpConn {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		return nil
	}
	conn.SetDeadline(time.Now().Add(2 * time.Minute))
	c := &smtpConn{t: t, conn: conn, r: bufio.NewReader(conn)}
	c.reply()
	return c
}

// reply reads one reply and gives its code and last line.
func (c *smtpConn) reply() (int, string) {
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			c.t.Errorf("reply: %v", err)
			return 0, ""
		}
		if len(line) > 3 && line[3] != '-' {
			code, _ := strconv.Atoi(line[:3])
			return code, strings.TrimSpace(line)
		}
	}
}

func (c *smtpConn) say(format string, args ...any) (int, string) {
	fmt.Fprintf(c.conn, format+"\r\n", args...)
	return c.reply()
}

var queuedAs = regexp.MustCompile(`queued as (\S+)`)

// ask sends one message, and gives the verdict on its recipient and its queue id.
func (c *smtpConn) ask(q postfix.Question) (verdict, id string) {
	c.say("RSET")
	if code, text := c.say("XCLIENT ADDR=%s NAME=[UNAVAILABLE]", q.Client); code != 220 {
		c.t.Errorf("XCLIENT: %s", text)
	}
	c.say("EHLO client.example")
	code, text := c.say("MAIL FROM:<%s>", q.Sender)
	if code == 250 {
		code, text = c.say("RCPT TO:<%s>", q.Recipient)
	}
	switch {
	case code == 250:
	case code >= 400 && code < 500:
		return "defer", ""
	case code >= 500 && code < 600:
		return "reject", ""
	default:
		c.t.Errorf("%s: %s", q.Recipient, text)
	}
	c.say("DATA")
	_, text = c.say("Subject: a message\r\n\r\ntext\r\n.")
	if m := queuedAs.FindStringSubmatch(text); m != nil {
		return "accept", m[1]
	}
	if strings.HasPrefix(text, "451 4.6.0") { // the aliases have no end
		return "defer", ""
	}
	c.t.Errorf("%s: %s", q.Recipient, text)
	return "accept", ""
}

// delivery is one "to=" line of the log.
type delivery struct{ to, original, agent, status, text string }

// maillog is what the log says of messages.
type maillog struct {
	deliveries map[string][]delivery
	removed    map[string]bool
	deferred   map[string]bool
	children   map[string][]string
	senders    map[string]string
}

var (
	deliveryLine = regexp.MustCompile(`^\S+ +\S+ \S+ \S+ (\S+)\[\d+\]: ([0-9A-Za-z]+): to=<([^>]*)>,(?: orig_to=<([^>]*)>,)? relay=.* status=(\w+) \((.*)\)$`)
	removedLine  = regexp.MustCompile(`\]: ([0-9A-Za-z]+): removed$`)
	senderLine   = regexp.MustCompile(`\]: ([0-9A-Za-z]+): from=<([^>]*)>, size=`)
	forwarded    = regexp.MustCompile(`forwarded as ([0-9A-Za-z]+)`)
)

func readMaillog(text string) maillog {
	l := maillog{deliveries: map[string][]delivery{}, removed: map[string]bool{}, deferred: map[string]bool{}, children: map[string][]string{}, senders: map[string]string{}}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if m := removedLine.FindStringSubmatch(line); m != nil {
			l.removed[m[1]] = true
		}
		if m := senderLine.FindStringSubmatch(line); m != nil {
			l.senders[m[1]] = m[2]
		}
		m := deliveryLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		agent, id := m[1], m[2]
		if f := forwarded.FindStringSubmatch(m[6]); f != nil {
			l.children[id] = append(l.children[id], f[1])
			continue
		}
		l.deferred[id] = l.deferred[id] || m[5] == "deferred"
		l.deliveries[id] = append(l.deliveries[id], delivery{to: m[3], original: m[4], agent: agent, status: m[5], text: m[6]})
	}
	return l
}

// isDone tells that nothing more will be said of a message or its children.
func (l maillog) isDone(id string) bool {
	for _, child := range l.children[id] {
		if !l.isDone(child) {
			return false
		}
	}
	return l.removed[id] || l.deferred[id]
}

// legs adds what became of a message.
func (l maillog) legs(id string, q postfix.Question, a *postfix.Answer) {
	for _, d := range l.deliveries[id] {
		original := d.original
		if original == "" {
			original = d.to
		}
		name := strings.TrimSuffix(strings.TrimPrefix(d.agent, "pf/"), "/discard")
		switch {
		case d.status == "bounced":
			a.Bounced = append(a.Bounced, d.to)
			continue
		case strings.HasSuffix(d.agent, "/local"):
			continue
		case !strings.HasPrefix(d.agent, "pf/"):
			name = strings.TrimPrefix(d.agent, "postfix/")
		}
		a.Legs = append(a.Legs, postfix.Leg{Sender: l.senders[id], Recipient: d.to, Transport: name, Nexthop: d.text, Copy: !strings.EqualFold(original, q.Recipient)})
	}
	for _, child := range l.children[id] {
		before := len(a.Legs)
		l.legs(child, q, a)
		for i := before; i < len(a.Legs); i++ {
			a.Legs[i].Copy = false
		}
	}
}
