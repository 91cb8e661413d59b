package receive_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postroad/postroad/internal/spool"
)

// The dialogues are text, a step a line:
//
//	listener NAME, client ADDRESS   before the first step; public, 192.0.2.1
//	store full | fills | gone | panics | ok  what the spool says from now on
//	C: text          the client sends the line; in quotes: exactly these octets
//	C* N "octets"    the client sends the octets N times
//	S: text          a whole reply comes, whose last line begins with text
//	S+ text          … and one of its lines holds text
//	S- text          … and none of its lines holds text
//	S: closed        the server closes, with nothing more to say
//	S: nothing       nothing comes within a second
//	tls              the client's side of a handshake
//	close            the client closes
//	wait 5m          time goes by
//	stored N         so many messages are in the spool
//	message text     the last one's body holds text, \r\n and all
//	without text     … does not hold it
//	jobs text        the last one's jobs, a line each, hold text
//	log text         the log holds text
//	reconnect        a new session, as before
type dialogue struct {
	t        *testing.T
	w        *world
	listener string
	client   netip.Addr
	conn     net.Conn
	done     <-chan struct{}
	lines    chan string // of the server, closed at the end
	reply    []string    // the last one
	where    string
}

func TestDialogues(t *testing.T) {
	files, err := filepath.Glob("testdata/dialogue/*.txt")
	if err != nil || len(files) < 15 {
		t.Fatalf("%d dialogues, %v", len(files), err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) { runDialogue(t, newWorld(t), f, string(text)) })
		})
	}
}

func runDialogue(t *testing.T, w *world, name, text string) {
	d := &dialogue{t: t, w: w, listener: "public", client: netip.MustParseAddr("192.0.2.1")}
	for i, line := range strings.Split(text, "\n") {
		d.where = fmt.Sprintf("%s:%d", name, i+1)
		if line != "" && line[0] != '#' {
			d.step(line)
		}
		if t.Failed() {
			break
		}
	}
	d.end()
	if w.store.open != 0 {
		t.Errorf("%s: %d drafts are left open", d.where, w.store.open)
	}
	if w.server.Counters().Sessions.Load() != 0 {
		t.Errorf("%s: the session did not end", d.where)
	}
}

func (d *dialogue) step(line string) {
	word, arg, _ := strings.Cut(line, " ")
	switch word {
	case "listener":
		d.listener = arg
	case "client":
		d.client = netip.MustParseAddr(arg)
	case "store":
		d.setStore(arg)
	case "wait":
		wait, err := time.ParseDuration(arg)
		d.check(err == nil, "not a duration: %s", arg)
		time.Sleep(wait)
	case "reconnect":
		d.end()
		d.open()
	default:
		if d.conn == nil {
			d.open()
		}
		d.talk(word, arg)
	}
}

func (d *dialogue) talk(word, arg string) {
	switch word {
	case "C:":
		d.send(arg)
	case "C*":
		times, text, _ := strings.Cut(arg, " ")
		n, err := strconv.Atoi(times)
		d.check(err == nil, "not a number: %s", times)
		d.send(strconv.Quote(strings.Repeat(d.unquote(text), n)))
	case "S:":
		d.expect(arg)
	case "S+":
		d.check(strings.Contains(strings.Join(d.reply, "\n"), arg), "reply %q has no %q", d.reply, arg)
	case "S-":
		d.check(!strings.Contains(strings.Join(d.reply, "\n"), arg), "reply %q has %q", d.reply, arg)
	case "tls":
		d.startTLS()
	case "close":
		d.conn.Close()
	case "stored":
		synctest.Wait()
		got := len(d.w.store.messages())
		d.check(strconv.Itoa(got) == arg, "%d messages are stored, want %s", got, arg)
	case "message":
		d.check(strings.Contains(d.last().body, unescape(arg)), "message is %q", d.last().body)
	case "without":
		d.check(!strings.Contains(d.last().body, unescape(arg)), "message is %q", d.last().body)
	case "jobs":
		d.check(strings.Contains(jobLines(d.last()), arg), "jobs are\n%s", jobLines(d.last()))
	case "log":
		synctest.Wait()
		d.check(strings.Contains(d.w.log.String(), arg), "log is\n%s", d.w.log.String())
	default:
		d.check(false, "not a step: %s", word)
	}
}

func (d *dialogue) check(ok bool, format string, args ...any) {
	d.t.Helper()
	if !ok {
		d.t.Errorf(d.where+": "+format, args...)
	}
}

func unescape(s string) string {
	return strings.NewReplacer(`\r`, "\r", `\n`, "\n", `\t`, "\t").Replace(s)
}

func (d *dialogue) last() stored {
	synctest.Wait()
	all := d.w.store.messages()
	if len(all) == 0 {
		return stored{}
	}
	return all[len(all)-1]
}

func jobLines(s stored) string {
	var b strings.Builder
	for _, j := range s.jobs {
		fmt.Fprintf(&b, "%s via=%s to=%s", j.Sender, j.Lane.Transport, strings.Join(j.Nexthops, ","))
		for _, r := range j.Recipients {
			fmt.Fprintf(&b, " %s<%s notify=%d orcpt=%s", r.Final, r.Original, r.Notify, r.ORCPT)
		}
		fmt.Fprintf(&b, " envid=%s ret=%d rule=%s\n", j.EnvID, j.Ret, j.Rule)
	}
	return b.String()
}

func (d *dialogue) setStore(how string) {
	d.w.store.mu.Lock()
	defer d.w.store.mu.Unlock()
	d.w.store.fail, d.w.store.create, d.w.store.write, d.w.store.panics = nil, nil, nil, false
	switch how {
	case "full":
		d.w.store.fail = spool.ErrFull
	case "fills": // while it is written to
		d.w.store.write = spool.ErrFull
	case "gone":
		d.w.store.create = spool.ErrUnavailable
	case "panics":
		d.w.store.panics = true
	case "ok":
	default:
		d.check(false, "not a state of the store: %s", how)
	}
}

func (d *dialogue) open() {
	d.conn, d.done = d.w.connect(d.listener, d.client)
	if d.listener == "implicit" || d.listener == "broken" {
		d.startTLS()
		return
	}
	d.listen()
}

// listen reads what the server says as it comes: a client that only writes
// would block a server that only writes.
func (d *dialogue) listen() {
	lines := make(chan string, 1000)
	d.lines = lines
	in := bufio.NewReader(d.conn)
	go func() {
		defer close(lines)
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			lines <- line
			if strings.HasPrefix(line, "220 2.0.0") {
				return // what follows is TLS
			}
		}
	}()
}

func (d *dialogue) send(text string) {
	if strings.HasPrefix(text, `"`) {
		text = d.unquote(text)
	} else {
		text += "\r\n"
	}
	// An error shows in what the server says, or does not say.
	d.conn.SetWriteDeadline(time.Now().Add(time.Minute))
	d.conn.Write([]byte(text))
}

func (d *dialogue) unquote(text string) string {
	octets, err := strconv.Unquote(text)
	d.check(err == nil, "not a quoted string: %s", text)
	return octets
}

func (d *dialogue) expect(want string) {
	d.t.Helper()
	switch want {
	case "closed":
		line, open := d.line(time.Minute)
		d.check(!open && line == "", "the server says %q", line)
	case "nothing":
		line, open := d.line(time.Second)
		d.check(open && line == "", "the server says %q, open %v", line, open)
	default:
		d.reply = d.wholeReply()
		got := ""
		if len(d.reply) > 0 {
			got = d.reply[len(d.reply)-1]
		}
		d.check(strings.HasPrefix(got, want), "the server says %q, want %q", d.reply, want)
	}
}

func (d *dialogue) wholeReply() []string {
	var reply []string
	for {
		line, _ := d.line(10 * time.Minute)
		if line == "" {
			return reply
		}
		d.check(strings.HasSuffix(line, "\r\n") && len(line) >= 6 && len(line) <= 512, "not a line of a reply: %q", line)
		reply = append(reply, strings.TrimSuffix(line, "\r\n"))
		if line[3] == ' ' {
			return reply
		}
	}
}

func (d *dialogue) line(timeout time.Duration) (line string, open bool) {
	select {
	case line, open = <-d.lines:
		return line, open
	case <-time.After(timeout):
		return "", true
	}
}

func (d *dialogue) startTLS() {
	tc := tls.Client(d.conn, &tls.Config{InsecureSkipVerify: true, ServerName: "mx.example.com"})
	d.conn.SetDeadline(time.Now().Add(time.Minute))
	err := tc.Handshake()
	d.check(err == nil, "handshake: %v", err)
	d.conn.SetDeadline(time.Time{})
	d.conn = tc
	d.listen()
}

func (d *dialogue) end() {
	if d.conn == nil {
		return
	}
	d.conn.SetDeadline(time.Now())
	d.conn.Close()
	for range d.lines {
	}
	<-d.done
	d.conn = nil
}
