package control_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/postroad/postroad/internal/explain"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/server/control"
	"github.com/postroad/postroad/internal/spool"
)

// backend answers with what the test puts in.
type backend struct {
	entries []spool.Entry
	wait    chan struct{} // not nil: after each entry the scan waits for it, and each chunk the change
	chunks  int           // of a change
	hangs   chan struct{} // not nil: a change goes on until its context ends, and closes it
	err     error         // after the entries
	filter  spool.Filter
	action  spool.Action
}

func (b *backend) Reload(context.Context) (string, error) { return "abc", b.err }
func (b *backend) Route(context.Context, explain.Query) (explain.Result, error) {
	return explain.Result{Listener: "public"}, b.err
}
func (b *backend) Ask(_ context.Context, k control.TableKey) (explain.Asked, error) {
	return explain.Asked{Table: k.Table, Key: k.Key, Answer: "found"}, b.err
}
func (b *backend) Tables() []control.TableStatus { return []control.TableStatus{{Name: "users"}} }
func (b *backend) Migrate(_ context.Context, action string, o control.MigrationOrder) (control.Migrated, error) {
	return control.Migrated{Addresses: append(o.Addresses, action), Jobs: 2}, b.err
}
func (b *backend) MigrationStatus(_ context.Context, domain string) (control.MigrationStatus, error) {
	return control.MigrationStatus{Domain: domain}, b.err
}
func (b *backend) Status() control.Status { return control.Status{PID: 7} }
func (b *backend) Scan(_ context.Context, f spool.Filter, each func(spool.Entry) error) error {
	b.filter = f
	for _, e := range b.entries {
		if err := each(e); err != nil {
			return err
		}
		if b.wait != nil {
			<-b.wait
		}
	}
	return b.err
}
func (b *backend) Change(ctx context.Context, f spool.Filter, a spool.Action, told func(spool.Changed)) (spool.Changed, error) {
	b.filter, b.action = f, a
	for n := range b.chunks {
		told(spool.Changed{Messages: 1, Jobs: int64(n + 1), Recipients: 2})
		if b.wait != nil {
			<-b.wait
		}
	}
	if b.hangs != nil {
		<-ctx.Done()
		close(b.hangs)
		return spool.Changed{Messages: 1, Jobs: int64(b.chunks) + 1, Recipients: 2}, ctx.Err() // the chunk under way was done
	}
	return spool.Changed{Messages: 1, Jobs: 3, Recipients: 2}, b.err
}

func (b *backend) Show(ctx context.Context, f spool.Filter, each func(control.Shown) error) error {
	return b.Scan(ctx, f, func(e spool.Entry) error { return each(control.Shown{Job: control.JobOf(e)}) })
}

func (b *backend) Pause(context.Context, queue.Pause) (control.Waiting, error) {
	return control.Waiting{Jobs: 2}, b.err
}
func (b *backend) Resume(context.Context, queue.Pause) (control.Waiting, error) {
	return control.Waiting{Jobs: 2}, b.err
}
func (b *backend) Summary(_ context.Context, o control.SummaryOrder) (control.Summary, error) {
	return control.Summary{By: o.By}, b.err
}
func (b *backend) Pauses() []queue.Pause { return []queue.Pause{{Transport: "slow"}} }
func (b *backend) Reroute(_ context.Context, o control.RerouteOrder, each func(control.Rerouted) error) error {
	f, err := o.Filter()
	if b.filter = f; err != nil {
		return err
	}
	if err := each(control.Rerouted{Outcome: control.RerouteMoved, Held: o.DryRun}); err != nil {
		return err
	}
	return b.err
}

// serve gives a client whose server is b.
func serve(t *testing.T, b *backend) *control.Client {
	t.Helper()
	data := t.TempDir()
	ln, err := control.Listen(data)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: control.Handler(b)}
	go srv.Serve(ln)
	t.Cleanup(func() { srv.Close() })
	return control.NewClient(data)
}

func TestErrorsKeepTheirMeaning(t *testing.T) {
	cases := []struct {
		name         string
		err          error
		usage, later bool
	}{
		{"wrong question", explain.ErrUsage, true, false},
		{"disk full", spool.ErrFull, false, true},
		{"store away", spool.ErrUnavailable, false, true},
		{"no", errors.New("postroad.hcl:1:1: error"), false, false},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c := serve(t, &backend{err: tc.err})
			_, reload := c.Reload(t.Context())
			_, route := c.Route(t.Context(), explain.Query{})
			_, change := c.Change(t.Context(), "hold", control.Selection{All: true}, ignore)
			for _, err := range []error{reload, route, change} {
				var r *control.Refused
				if !errors.As(err, &r) || r.Usage() != tc.usage || r.Later() != tc.later || r.Text != tc.err.Error() {
					t.Errorf("%#v", err)
				}
			}
		})
	}
}

func TestSelectionReachesTheStore(t *testing.T) {
	b := &backend{}
	c := serve(t, b)
	for action, want := range map[string]spool.Action{
		"hold": spool.ActionHold, "release": spool.ActionRelease, "retry": spool.ActionRetry, "remove": spool.ActionRemove,
	} {
		sel := control.Selection{Domain: "BÜCHER.test", Transport: "t", Sender: "<>", Tenant: "acme", Held: true}
		if n, err := c.Change(t.Context(), action, sel, ignore); n.Jobs != 3 || err != nil {
			t.Fatalf("%s: %+v %v", action, n, err)
		}
		f := b.filter
		if b.action != want || f.Domain != "xn--bcher-kva.test" || f.Transport != "t" || f.Sender != "<>" || f.Tenant != "acme" || !f.HeldOnly {
			t.Errorf("%s became %v %+v", action, b.action, f)
		}
	}
	if _, err := c.Change(t.Context(), "burn", control.Selection{All: true}, ignore); err == nil {
		t.Error("an action that does not exist was done")
	}
}

// A list that ends too early must not look like a short queue.
func TestListThatBreaksOff(t *testing.T) {
	b := &backend{err: spool.ErrUnavailable}
	for range 1000 {
		b.entries = append(b.entries, spool.Entry{Job: spool.Job{Recipients: []spool.Recipient{{Final: mail.Address{Local: strings.Repeat("x", 60), Domain: "far.test"}}}}})
	}
	c := serve(t, b)
	n := 0
	err := c.List(t.Context(), control.Selection{All: true}, func(control.Job) error { n++; return nil })
	if err == nil {
		t.Errorf("%d jobs came and no error", n)
	}
}

// What is found early must not wait for what takes long to find.
func TestFirstLineComesAtOnce(t *testing.T) {
	b := &backend{entries: make([]spool.Entry, 2), wait: make(chan struct{})}
	n := 0
	err := serve(t, b).List(t.Context(), control.Selection{All: true}, func(control.Job) error {
		n++
		b.wait <- struct{}{}
		return nil
	})
	if err != nil || n != 2 {
		t.Errorf("%d jobs came, %v", n, err)
	}
}

// Of a socket that is another user's the message says what to do, and not how we ask.
func TestForbiddenSocket(t *testing.T) {
	data := t.TempDir()
	denied := os.NewSyscallError("connect", syscall.EACCES)
	err := control.Explain(control.NewClient(data), &url.Error{Op: "Post", URL: "http://postroad/queue/rows", Err: denied})
	if !errors.Is(err, control.ErrForbidden) || strings.Contains(err.Error(), "http") {
		t.Errorf("%v", err)
	}
}

func TestNobodyThere(t *testing.T) {
	if _, err := control.NewClient(t.TempDir()).Status(t.Context()); !errors.Is(err, control.ErrNotRunning) {
		t.Errorf("no socket: %v", err)
	}
	data := t.TempDir()
	ln, err := control.Listen(data)
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if _, err := control.NewClient(data).Status(t.Context()); !errors.Is(err, control.ErrNotRunning) {
		t.Errorf("a socket that nobody serves: %v", err)
	}
}
