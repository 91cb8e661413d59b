package server_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/lab"
	"github.com/postroad/postroad/internal/server"
	"github.com/postroad/postroad/internal/server/control"
	"github.com/postroad/postroad/internal/spool"
)

const patience = 10 * time.Second

// world is a folder with a configuration, two hosts behind it, and the server.
type world struct {
	t      *testing.T
	dir    string
	store  *lab.Receiver // LMTP, hosted mail
	relay  *lab.Receiver // SMTP, the rest
	server *server.Server
}

// newWorld writes the configuration and starts the hosts, not the server.
func newWorld(t *testing.T) *world {
	w := &world{t: t, dir: t.TempDir()}
	w.store = w.receiver(lab.Config{Name: "store.lab", LMTP: true})
	w.relay = w.receiver(lab.Config{Name: "relay.lab"})
	w.configure(w.base() + w.routes("away"))
	return w
}

func (w *world) receiver(c lab.Config) *lab.Receiver {
	w.t.Helper()
	r, err := lab.Listen(c)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { r.Close() })
	return r
}

func (w *world) base() string {
	return w.head() + `
listener "public" {
  bind = ["127.0.0.1:0"]
}
`
}

// head is a configuration without a listener.
func (w *world) head() string {
	return fmt.Sprintf(`hostname = "mx.test"
data     = %q
relay "lab" {
  client = ["127.0.0.0/8"]
}
domain "ours.test" {
  mailboxes = table.users
  aliases   = { "sales" = ["ann", "crm@far.test"] }
  deliver   = transport.store
}
table "file" "users" {
  path   = "users"
  format = "list"
}
transport "lmtp" "store" {
  to = [%q]
}
transport "smtp" "away" {
  to = [%q]
}
transport "smtp" "other" {
  to = [%q]
}
console {
  bind = ["127.0.0.1:0"]
}
`, filepath.Join(w.dir, "data"), w.store.Addr, w.relay.Addr, w.store.Addr)
}

func (w *world) routes(via string) string {
	return "route \"default\" {\n  via = transport." + via + "\n}\n"
}

func (w *world) configure(hcl string) {
	w.t.Helper()
	w.write("postroad.hcl", hcl)
	if _, err := os.Stat(filepath.Join(w.dir, "users")); err != nil {
		w.write("users", "ann@ours.test\n")
	}
}

func (w *world) write(name, content string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(content), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) options() server.Options {
	return server.Options{
		ConfigPath: filepath.Join(w.dir, "postroad.hcl"), Version: "test",
		Log:   slog.New(slog.NewTextHandler(w.t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})),
		Spool: spool.Options{MinFree: -1, Ballast: -1},
	}
}

// start starts the server, and stops it at the end of the test.
func (w *world) start() {
	w.t.Helper()
	w.startWith(w.options())
}

func (w *world) startWith(o server.Options) {
	w.t.Helper()
	w.server = server.New(o)
	if err := w.server.Start(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { w.stop() })
}

func (w *world) stop() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := w.server.Stop(ctx); err != nil {
		w.t.Error(err)
	}
}

func (w *world) addr() string {
	w.t.Helper()
	addrs := w.server.Addrs("public")
	if len(addrs) == 0 {
		w.t.Fatal("listener.public does not listen")
	}
	return addrs[0].String()
}

func (w *world) client() *control.Client { return control.NewClient(w.server.DataFolder()) }

// send sends a message and gives the replies.
func (w *world) send(to ...string) lab.Replies {
	w.t.Helper()
	r, err := lab.Send(w.addr(), "s@far.test", to, []byte("Subject: x\r\n\r\nbody\r\n"))
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) arrived(at *lab.Receiver, n int) []lab.Message {
	w.t.Helper()
	m, err := at.WaitMessages(n, patience)
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

// queued lists the queue over the control socket.
func (w *world) queued(s control.Selection) []control.Job {
	w.t.Helper()
	var out []control.Job
	err := w.client().List(w.t.Context(), s, func(j control.Job) error { out = append(out, j); return nil })
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// eventually asks until it holds.
func (w *world) eventually(what string, holds func() bool) {
	w.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if holds() {
			return
		}
	}
	w.t.Fatalf("never: %s", what)
}

// talk is a session that stops where a test wants it to.
type talk struct {
	*lab.Dialog
	t *testing.T
}

func (w *world) talk() talk {
	w.t.Helper()
	d, err := lab.Dial(w.t.Context(), w.addr())
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { d.Close() })
	s := talk{d, w.t}
	if r, err := d.Reply(); err != nil || !r.Positive() {
		w.t.Fatalf("greeting: %v %v", r, err)
	}
	s.say("EHLO client.test", "250")
	return s
}

func (s talk) say(line, want string) {
	s.t.Helper()
	r, err := s.Command(line)
	if err != nil || !strings.HasPrefix(r.String(), want) {
		s.t.Fatalf("%s: %v %v, want %s", line, r, err, want)
	}
}
