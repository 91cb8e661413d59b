package server_test

import (
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/postroad/postroad/internal/lab"
	"github.com/postroad/postroad/internal/server"
)

// A session between RCPT and DATA ends under the generation with which it began;
// the next transaction of the same session has the new one.
func TestReloadKeepsATransaction(t *testing.T) {
	w := newWorld(t)
	w.start()
	s := w.talk()
	s.say("MAIL FROM:<s@far.test>", "250")
	s.say("RCPT TO:<first@elsewhere.test>", "250")
	s.say("RCPT TO:<ann@ours.test>", "250")
	w.configure(strings.Replace(w.base(), "table.users", `["bob"]`, 1) + w.routes("store"))
	if _, err := w.server.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.say("DATA", "354")
	s.say("Subject: x\r\n\r\nbody\r\n.", "250")
	if m := w.arrived(w.relay, 1)[0]; m.To()[0] != "first@elsewhere.test" {
		t.Errorf("under the old generation it went as %+v", m)
	}
	w.arrived(w.store, 1)
	s.say("MAIL FROM:<s@far.test>", "250")
	s.say("RCPT TO:<ann@ours.test>", "550")
	s.say("RCPT TO:<second@elsewhere.test>", "250")
	s.say("DATA", "354")
	s.say("Subject: x\r\n\r\nbody\r\n.", "250")
	if m := w.arrived(w.store, 2)[1]; m.To()[0] != "second@elsewhere.test" {
		t.Errorf("under the new generation it went as %+v", m)
	}
}

func TestReloadThatFailsChangesNothing(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	w := newWorld(t)
	good := w.base() + w.routes("away")
	w.start()
	before, addr := w.server.Pin().Config.Generation, w.addr()
	cases := []struct {
		name, config string
		invalid      bool
	}{
		{"does not load", good + "route \"x\" {\n  via = transport.nowhere\n}\n", true},
		{"other data folder", strings.Replace(good, filepath.Join(w.dir, "data"), filepath.Join(w.dir, "elsewhere"), 1), false},
		{"address taken", good + "listener \"second\" {\n  bind = [\"127.0.0.1:0\", \"" + taken.Addr().String() + "\"]\n}\n", false},
		{"console address taken", strings.Replace(good, "console {\n  bind = [\"127.0.0.1:0\"]", "console {\n  bind = [\""+taken.Addr().String()+"\"]", 1), false},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			w.configure(tc.config)
			_, err := w.server.Reload(t.Context())
			var invalid *server.InvalidConfig
			if err == nil || errors.As(err, &invalid) != tc.invalid {
				t.Fatalf("Reload: %v", err)
			}
			if got := w.server.Pin().Config.Generation; got != before || w.addr() != addr || len(w.server.Addrs("second")) != 0 {
				t.Errorf("generation %s at %s, was %s at %s", got, w.addr(), before, addr)
			}
			if r := w.send("ann@ours.test"); !r.Accepted() {
				t.Errorf("mail is refused: %v", r.Refusal())
			}
		})
	}
	if _, metrics := get(t, "http://"+w.server.ConsoleAddrs()[0].String()+"/metrics"); !strings.Contains(metrics, "postroad_reload_failed_total 4\n") {
		t.Error("the failures were not counted")
	}
}

func TestReloadOpensAndClosesDoors(t *testing.T) {
	w := newWorld(t)
	w.start()
	stays := w.addr()
	more := "listener \"second\" {\n  bind = [\"127.0.0.1:0\"]\n}\n"
	w.configure(w.base() + w.routes("away") + more)
	if _, err := w.server.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := w.server.Addrs("second")
	if len(second) != 1 || w.addr() != stays {
		t.Fatalf("second listens on %v, public on %s after %s", second, w.addr(), stays)
	}
	if r, err := lab.Send(second[0].String(), "s@far.test", []string{"ann@ours.test"}, []byte("x: y\r\n\r\n")); err != nil || !r.Accepted() {
		t.Errorf("the new door: %v %v", r, err)
	}
	w.configure(w.base() + w.routes("away"))
	if _, err := w.server.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c, err := net.Dial("tcp", second[0].String()); err == nil {
		c.Close()
		t.Error("the door is still open that the configuration took away")
	}
}

// An address that passes from one listener to another is never closed.
func TestReloadPassesAnAddressOn(t *testing.T) {
	w := newWorld(t)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := free.Addr().String()
	free.Close()
	door := func(name string) string { return "listener \"" + name + "\" {\n  bind = [\"" + at + "\"]\n}\n" }
	w.configure(w.head() + w.routes("away") + door("public"))
	w.start()
	w.configure(w.head() + w.routes("away") + door("renamed"))
	if _, err := w.server.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := w.server.Addrs("renamed"); len(got) != 1 || got[0].String() != at {
		t.Fatalf("renamed listens on %v, not on %s", got, at)
	}
	if r, err := lab.Send(at, "s@far.test", []string{"ann@ours.test"}, []byte("x: y\r\n\r\n")); err != nil || !r.Accepted() {
		t.Errorf("the address that passed on: %v %v", r, err)
	}
}

func TestReloadReadsTables(t *testing.T) {
	w := newWorld(t)
	w.start()
	if r := w.send("carol@ours.test").Refusal(); r.Code != 550 {
		t.Fatalf("carol is known: %v", r)
	}
	w.write("users", "ann@ours.test\ncarol@ours.test\n")
	w.eventually("carol is known", func() bool {
		if _, err := w.server.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		return w.send("carol@ours.test").Accepted()
	})
	w.write("users", "ann@ours.test\nthis is no list\n")
	if _, err := w.server.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !w.send("carol@ours.test").Accepted() {
		t.Error("a broken file took the content away")
	}
}
