package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/server/control"
	"github.com/postroad/postroad/internal/spool"
)

// slow is a server with much in its queue, which goes on until who asked has gone.
type slow struct {
	control.Backend // nothing else is asked
	chunks          int
	enough          func() // after the chunks
	gone            chan struct{}
}

func (s slow) Summary(context.Context, control.SummaryOrder) (control.Summary, error) {
	return control.Summary{Total: control.Sum{Jobs: 219_000, Held: 1_000}}, nil
}

func (s slow) Change(ctx context.Context, _ spool.Filter, _ spool.Action, told func(spool.Changed)) (n spool.Changed, err error) {
	for i := range s.chunks {
		n = spool.Changed{Messages: 60 * int64(i+1), Jobs: 64 * int64(i+1), Recipients: 70 * int64(i+1)}
		told(n)
		time.Sleep(bulkEvery / 4)
	}
	if s.enough != nil {
		s.enough()
		<-ctx.Done()
		n.Jobs++ // of the chunk that was under way
		close(s.gone)
	}
	return n, ctx.Err()
}

func (s slow) Reroute(ctx context.Context, _ control.RerouteOrder, each func(control.Rerouted) error) error {
	for range s.chunks {
		if err := each(control.Rerouted{Outcome: control.RerouteMoved}); err != nil {
			return err
		}
		time.Sleep(bulkEvery / 4)
	}
	s.enough()
	<-ctx.Done()
	defer close(s.gone)
	return errors.Join(each(control.Rerouted{Outcome: control.RerouteMoved}), ctx.Err()) // it was under way
}

// ask runs a verb against a server, and gives what it printed.
func (s slow) ask(t *testing.T, ctx context.Context, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "postroad.hcl")
	err := os.WriteFile(path, []byte("hostname = \"mx.test\"\ndata = \""+dir+"\"\nlistener \"a\" { bind = [\"127.0.0.1:0\"] }\n"+
		"transport \"smtp\" \"next\" { to = [\"127.0.0.1:1\"] }\nroute \"default\" { via = transport.next }\n"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := control.Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: control.Handler(s)}
	go srv.Serve(ln)
	t.Cleanup(func() { srv.Close() })
	var out, errs strings.Builder
	w := &world{ctx: ctx, stdout: &out, stderr: &errs, getenv: func(string) string { return "" }, terminal: true}
	status = run(w, append([]string{"queue", args[0], "-c", path}, args[1:]...))
	return status, out.String(), errs.String()
}

func TestBulkShowsProgress(t *testing.T) {
	status, out, progress := slow{chunks: 20}.ask(t, t.Context(), "hold", "--all")
	if status != 0 || out != "1200 messages, 1400 recipients held\n" {
		t.Errorf("%d %q", status, out)
	}
	lines := strings.Split(progress, "\r")
	if len(lines) < 4 || !strings.HasSuffix(strings.TrimRight(lines[1], " "), " of about 218 000 jobs held") {
		t.Errorf("progress %q", progress)
	}
	if last := lines[len(lines)-1]; last != "" || strings.Trim(lines[len(lines)-2], " ") != "" {
		t.Errorf("something is left on the line: %q", progress)
	}
	if _, _, progress := (slow{chunks: 8}).ask(t, t.Context(), "hold", "--all", "--json"); progress != "" {
		t.Errorf("beside JSON: %q", progress)
	}
}

// An interrupted command tells how far it came, and the server stops.
func TestBulkIsInterrupted(t *testing.T) {
	cases := []struct {
		args     []string
		out, err string
	}{
		{[]string{"hold", "--all"}, "", "postroad: 641 of about 218 000 jobs held; run it again to go on\n"},
		{[]string{"release", "--domain", "far.test"}, "", "postroad: 641 of about 1 000 jobs released; run it again to go on\n"},
		{[]string{"remove", "--all", "--json"}, `{"messages":600,"jobs":641,"recipients":700,"complete":false}` + "\n",
			"postroad: 641 of about 219 000 jobs removed; run it again to go on\n"},
		{[]string{"reroute", "--all"}, "11 jobs moved, 0 stay\n", "postroad: 11 of about 219 000 jobs looked at; run it again to go on\n"},
	}
	for _, tc := range cases {
		t.Run(tc.args[0], func(t *testing.T) {
			ctx, interrupt := context.WithCancel(t.Context())
			s := slow{chunks: 10, gone: make(chan struct{})}
			s.enough = func() { time.AfterFunc(200*time.Millisecond, interrupt) } // the last line is on its way
			status, out, errs := s.ask(t, ctx, tc.args...)
			if status != exitLater || out != tc.out || errs[strings.LastIndex(errs, "\r")+1:] != tc.err {
				t.Errorf("status %d, %q, %q", status, out, errs)
			}
			select {
			case <-s.gone:
			case <-time.After(10 * time.Second):
				t.Error("the server goes on")
			}
		})
	}
}

// Exit status 1 is an answer of the server; without one it is another.
func TestStatusWithoutAnAnswer(t *testing.T) {
	for err, want := range map[error]int{control.ErrForbidden: exitUsage, control.ErrBrokenOff: exitLater, control.ErrNotRunning: exitLater} {
		if got := statusOf(fmt.Errorf("queue: %w", err)); got != want {
			t.Errorf("%v: exit status %d", err, got)
		}
	}
}

// Cron and services have no USER; the journal has a name all the same.
func TestPersonWithoutEnvironment(t *testing.T) {
	u, err := user.Current()
	if err != nil {
		t.Skip(err)
	}
	if got := person(&world{getenv: func(string) string { return "" }}); got != u.Username {
		t.Errorf("%q, we are %q", got, u.Username)
	}
}
