package server_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/lab"
	"github.com/postroad/postroad/internal/server"
	"github.com/postroad/postroad/internal/server/control"
)

func TestMailGoesThrough(t *testing.T) {
	w := newWorld(t)
	w.start()
	if r := w.send("sales@ours.test"); !r.Accepted() {
		t.Fatalf("refused: %v", r.Refusal())
	}
	home := w.arrived(w.store, 1)[0]
	if home.Protocol != "LMTP" || len(home.To()) != 1 || home.To()[0] != "ann@ours.test" || home.Sender != "s@far.test" {
		t.Errorf("the store got %+v", home)
	}
	away := w.arrived(w.relay, 1)[0]
	if len(away.To()) != 1 || away.To()[0] != "crm@far.test" {
		t.Errorf("the relay got %+v", away)
	}
	if !strings.Contains(string(home.Data), "by mx.test with ESMTP id ") || !strings.HasSuffix(string(home.Data), "\r\n\r\nbody\r\n") {
		t.Errorf("the store got the text %q", home.Data)
	}
	if r := w.send("nobody@ours.test").Refusal(); r.Code != 550 {
		t.Errorf("an unknown user was answered %v", r)
	}
	w.eventually("the queue is empty", func() bool { return len(w.queued(control.Selection{All: true})) == 0 })
}

// What was refused by the next host comes back to the sender, by the same doors.
func TestReportGoesThrough(t *testing.T) {
	w := newWorld(t)
	w.configure(w.base() + "route \"default\" {\n  via = transport.refuse\n}\n" +
		"route \"back\" {\n  sender = [\"<>\"]\n  via = transport.away\n}\n" +
		"transport \"smtp\" \"refuse\" {\n  to = [\"127.0.0.1:1\"]\n}\n" +
		"retry \"default\" {\n  after = [\"1h\"]\n  give_up = \"1s\"\n}\n")
	w.start()
	if r := w.send("x@elsewhere.test"); !r.Accepted() {
		t.Fatalf("refused: %v", r.Refusal())
	}
	time.Sleep(1100 * time.Millisecond)
	if _, err := w.client().Change(t.Context(), "retry", control.Selection{All: true}, ignore); err != nil {
		t.Fatal(err)
	}
	report := w.arrived(w.relay, 1)[0]
	if report.Sender != "" || report.To()[0] != "s@far.test" || !strings.Contains(string(report.Data), "Final-Recipient: rfc822; x@elsewhere.test") {
		t.Errorf("the sender was told by %+v", report)
	}
}

func TestQueueSurvivesARestart(t *testing.T) {
	w := newWorld(t)
	w.relay.Close()
	w.start()
	if r := w.send("x@far.test"); !r.Accepted() {
		t.Fatalf("refused: %v", r.Refusal())
	}
	w.eventually("an attempt failed", func() bool {
		q := w.queued(control.Selection{All: true})
		return len(q) == 1 && q[0].Attempts == 1
	})
	w.stop()
	w.relay = w.receiver(lab.Config{Name: "relay.lab"}) // the host moved: the queue follows its transport
	w.configure(w.base() + w.routes("away"))
	w.start()
	if n, err := w.client().Change(t.Context(), "retry", control.Selection{All: true}, ignore); n.Jobs != 1 || err != nil {
		t.Fatalf("%d jobs were found after the restart, %v", n, err)
	}
	if m := w.arrived(w.relay, 1)[0]; m.To()[0] != "x@far.test" {
		t.Errorf("it went as %+v", m)
	}
}

// A stop lets a transaction end, and turns away whoever comes meanwhile.
func TestStopEndsTransactions(t *testing.T) {
	w := newWorld(t)
	w.start()
	s, addr := w.talk(), w.addr()
	s.say("MAIL FROM:<s@far.test>", "250")
	s.say("RCPT TO:<ann@ours.test>", "250")
	s.say("DATA", "354")
	stopped := make(chan error, 1)
	go func() { stopped <- w.server.Stop(context.Background()) }()
	w.eventually("the door is closed", func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	s.say("Subject: x\r\n\r\nbody\r\n.", "250")
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	if r, err := s.Reply(); err == nil && r.Code != 421 {
		t.Errorf("the session went on with %v", r)
	}
	w.start()
	w.arrived(w.store, 1)
}

func TestStartThatFailsLeavesNothing(t *testing.T) {
	w := newWorld(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	good := w.base() + w.routes("away")
	w.configure(strings.Replace(good, `bind = ["127.0.0.1:0"]`, `bind = ["127.0.0.1:0", "`+taken.Addr().String()+`"]`, 1))
	if err := server.New(w.options()).Start(t.Context()); err == nil {
		t.Fatal("it started on an address that is taken")
	}
	w.configure(good)
	w.start() // the spool is free again
	if r := w.send("ann@ours.test"); !r.Accepted() {
		t.Errorf("refused: %v", r.Refusal())
	}
}

func TestOneServerForADataFolder(t *testing.T) {
	w := newWorld(t)
	w.start()
	if err := server.New(w.options()).Start(t.Context()); err == nil {
		t.Fatal("two servers run on one data folder")
	}
	if _, err := w.client().Status(t.Context()); err != nil {
		t.Errorf("the second one took the socket of the first: %v", err)
	}
}

func TestConsole(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.send("ann@ours.test")
	w.arrived(w.store, 1)
	base := "http://" + w.server.ConsoleAddrs()[0].String()
	code, metrics := get(t, base+"/metrics")
	for _, want := range []string{
		"postroad_receive_messages_total 1\n", `postroad_table_entries{table="users"} 1`,
		`postroad_table_healthy{table="users"} 1`, "postroad_spool_healthy 1\n", "postroad_reload_failed_total 0\n",
	} {
		if code != 200 || !strings.Contains(metrics, want) {
			t.Errorf("/metrics (%d) has no %q", code, want)
		}
	}
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200} {
		if code, body := get(t, base+path); code != want {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
	if err := w.server.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if code, body := get(t, base+"/readyz"); code != 503 || !strings.Contains(body, "draining") {
		t.Errorf("/readyz while draining: %d %s", code, body)
	}
	if code, _ := get(t, base+"/healthz"); code != 200 {
		t.Errorf("/healthz while draining: %d", code)
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b)
}
