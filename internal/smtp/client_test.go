package smtp

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postroad/postroad/internal/mail"
)

var rewrite = flag.Bool("rewrite", false, "write what happened into testdata/client")

// The dialogues of testdata/client: a file holds several, each a name ("# "), a
// line that says what the client is to do, what host (S:) and client (C:) say,
// and after "----" what the client reports. "S-" is a line without its CRLF,
// "S! drop" closes the connection, "S! silent" says nothing more. Every octet
// that the client writes must be in the script.
func TestClientDialogues(t *testing.T) {
	files, err := filepath.Glob("testdata/client/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no dialogues: %v", err)
	}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		for i, text := range strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n\n# ") {
			d := parseDialogue(strings.TrimPrefix(text, "# "))
			t.Run(filepath.Base(name)+"/"+d.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { d.run(t) })
			})
			if i > 0 {
				out.WriteString("\n\n")
			}
			out.WriteString(d.String())
		}
		if *rewrite {
			if err := os.WriteFile(name, []byte(out.String()+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

type dialogue struct {
	name, do string
	script   []string
	want     string
}

func parseDialogue(text string) *dialogue {
	head, want, _ := strings.Cut(text, "\n----\n")
	lines := strings.Split(head, "\n")
	return &dialogue{name: lines[0], do: lines[1], script: lines[2:], want: want}
}

func (d *dialogue) String() string {
	return "# " + d.name + "\n" + d.do + "\n" + strings.Join(d.script, "\n") + "\n----\n" + d.want
}

func (d *dialogue) run(t *testing.T) {
	ours, theirs := net.Pipe()
	done := make(chan error, 1)
	go func() { done <- d.serve(theirs) }()
	got := d.client(ours)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if *rewrite {
		d.want = got
	} else if got != d.want {
		t.Errorf("the client reports\n%s\nwant\n%s", got, d.want)
	}
}

// serve is the host's side.
func (d *dialogue) serve(conn net.Conn) error {
	defer conn.Close()
	br := bufio.NewReader(conn)
	for _, line := range d.script {
		kind, rest := line[:2], strings.TrimPrefix(line[2:], " ")
		switch kind {
		case "S:":
			fmt.Fprintf(conn, "%s\r\n", rest)
		case "S-":
			fmt.Fprint(conn, rest)
		case "S!":
			if rest == "silent" {
				time.Sleep(time.Hour)
			}
			return nil
		case "C:":
			said, err := br.ReadString('\n')
			if said != rest+"\r\n" {
				return fmt.Errorf("the client says %q (%v), want %q", said, err, rest)
			}
		}
	}
	if rest, _ := br.ReadString('\n'); rest != "" {
		return fmt.Errorf("the client says %q, and should have closed", rest)
	}
	return nil
}

// client does what d.do says and gives a line for each thing that happened.
func (d *dialogue) client(conn net.Conn) string {
	words := strings.Fields(d.do)
	o := ClientOptions{Hello: "me.example", Command: time.Minute, Data: 2 * time.Minute}
	t := Transaction{Content: strings.NewReader("Subject: x\r\n\r\n.hi\r\n")}
	t.Size = t.Content.(*strings.Reader).Size()
	cred := Credentials{}
	times := 1
	for _, w := range words {
		key, value, _ := strings.Cut(w, "=")
		switch key {
		case "lmtp":
			o.Protocol = ProtocolLMTP
		case "auth":
			cred = Credentials{User: value, Pass: "secret"}
		case "twice":
			times = 2
		case "unreadable":
			t.Size += 10
		default:
			t.set(key, value)
		}
	}
	c := NewClient(conn, o)
	defer c.Close()
	if err := c.prepare(cred); err != nil {
		return describe(err)
	}
	var out []string
	for range times {
		out = append(out, report(&t, c.Transact(&t))...)
	}
	return strings.Join(append(out, fmt.Sprintf("reusable: %v", c.Reusable())), "\n")
}

func (c *Client) prepare(cred Credentials) error {
	if err := c.Greet(); err != nil {
		return err
	}
	if err := c.Hello(); err != nil {
		return err
	}
	if cred.User != "" {
		return c.Auth(cred)
	}
	return nil
}

func (t *Transaction) set(key, value string) {
	switch key {
	case "from":
		t.Sender, _ = mail.ParsePath(value)
	case "to":
		for _, s := range strings.Split(value, ",") {
			a, _ := mail.ParseAddress(s)
			t.Recipients = append(t.Recipients, mail.Recipient{Address: a})
		}
	case "many":
		for i := range 101 {
			t.Recipients = append(t.Recipients, mail.Recipient{Address: mail.Address{Local: fmt.Sprint(i), Domain: "m.example"}})
		}
	case "notify":
		t.Recipients[0].Notify = mail.NotifySuccess | mail.NotifyDelay
		t.Recipients[0].ORCPT = "rfc822;" + value
		t.Ret, t.EnvID = mail.RetHeaders, "e+3Dnv"
	case "never":
		t.Recipients[0].Notify = mail.NotifyNever
	case "8bit":
		t.Body = mail.Body8BitMIME
	case "utf8":
		t.SMTPUTF8 = true
	case "prefix":
		t.Prefix = []byte("X-Mark: " + value + "\r\n")
	case "evil":
		t.Recipients = append(t.Recipients, mail.Recipient{Address: mail.Address{Local: "a\r\nRSET", Domain: "b.example"}})
	}
}

func report(t *Transaction, out Outcome) []string {
	var lines []string
	for i, r := range out.Recipients {
		word := "nothing"
		if r.Stage != StageNone {
			word = r.Stage.String() + " " + r.Reply.String()
		}
		if r.Accepted() {
			word = "accepted " + r.Reply.String()
		}
		lines = append(lines, fmt.Sprintf("%q: %s", t.Recipients[i].Address.String(), word))
	}
	if out.Err != nil {
		lines = append(lines, fmt.Sprintf("%s, sent %v", describe(out.Err), out.Sent))
	}
	return lines
}

// describe names an error by its kind, not by the words of others.
func describe(err error) string {
	var e *ClientError
	if !errors.As(err, &e) {
		return "unknown error " + err.Error()
	}
	what := "lost"
	var timeout net.Error
	switch {
	case e.Reply.Code != 0:
		what = e.Reply.String()
	case errors.Is(err, ErrReply):
		what = "garbage"
	case errors.Is(err, ErrContent):
		what = "unreadable"
	case errors.Is(err, ErrMechanism):
		what = "no mechanism"
	case errors.As(err, &timeout) && timeout.Timeout():
		what = "timeout"
	}
	return "ended at " + e.Stage.String() + ": " + what
}
