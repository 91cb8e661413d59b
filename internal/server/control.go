package server

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/deliver"
	"github.com/postroad/postroad/internal/explain"
	"github.com/postroad/postroad/internal/server/control"
	"github.com/postroad/postroad/internal/spool"
)

// openControl listens on the control socket.
func (s *Server) openControl(context.Context, *config.Config) error {
	ln, err := control.Listen(s.data)
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: control.Handler(backend{s}), ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		srv.Serve(ln) // always ends with an error, of Shutdown or Close
	}()
	s.onStop("control", func(ctx context.Context) error {
		control.Remove(s.data)
		err := srv.Shutdown(ctx)
		srv.Close()
		<-ended
		return err
	})
	return nil
}

// backend is the server as the control socket sees it.
type backend struct{ *Server }

var _ control.Backend = backend{}

// Route explains with the running server's rules and tables.
func (b backend) Route(ctx context.Context, q explain.Query) (explain.Result, error) {
	src := explain.Source{Generation: b.Pin(), Planner: b.planner(), MarkKey: b.markKey, Paused: b.pauses.covering}
	result, err := explain.Route(ctx, src, q)
	result.Tables = b.tables(time.Now())
	return result, err
}

// planner finds hosts with the resolvers of the running server.
func (b backend) planner() *deliver.Planner {
	return &deliver.Planner{Resolvers: b.resolvers.get, Shuffle: shuffle, Interfaces: b.opts.Interfaces}
}

// Status tells how the server is.
func (b backend) Status() control.Status {
	st := control.Status{
		Version: b.opts.Version, PID: os.Getpid(), Started: b.started.UTC(),
		Generation: b.config().Generation, Health: "ok", Paused: b.Pauses(),
	}
	if err := b.Ready(); err != nil {
		st.Health = err.Error()
	}
	return st
}

// Scan lists the queue.
func (b backend) Scan(ctx context.Context, f spool.Filter, each func(spool.Entry) error) error {
	return b.store.Scan(ctx, f, each)
}

// Change changes the queue. What shall be tried now is tried even where hosts
// had been given up for the moment: they get their chance before the jobs are
// due, or some would be put off unattempted, and after, for those that failed
// meanwhile.
func (b backend) Change(ctx context.Context, f spool.Filter, a spool.Action, told func(spool.Changed)) (spool.Changed, error) {
	again := a == spool.ActionRetry || a == spool.ActionRelease
	if again {
		b.runner.Reload()
	}
	n, err := b.store.Change(ctx, f, a, told)
	switch {
	case err == nil:
		b.log.Info("queue changed", "action", actionWord(a), "of", selected(f), "jobs", n.Jobs)
	case ctx.Err() != nil:
		b.log.Warn("queue change broken off: who asked has gone", "action", actionWord(a), "of", selected(f), "jobs", n.Jobs)
	default:
		b.log.Error("queue change failed", "action", actionWord(a), "of", selected(f), "jobs", n.Jobs, "error", err)
	}
	if n.Jobs > 0 && again {
		b.runner.Reload()
	}
	return n, err
}

// selected says in the log what an order was about.
func selected(f spool.Filter) string {
	var out []string
	bound := func(name, value string) {
		if value != "" {
			out = append(out, name+"="+value)
		}
	}
	for _, id := range f.IDs[:min(len(f.IDs), 10)] {
		out = append(out, id.String())
	}
	if len(f.IDs) > 10 {
		out = append(out, fmt.Sprintf("and %d more", len(f.IDs)-10))
	}
	bound("domain", string(f.Domain))
	bound("transport", f.Transport)
	bound("nexthop", f.Nexthop)
	bound("tenant", f.Tenant)
	bound("sender", f.Sender)
	if !f.OlderThan.IsZero() {
		bound("before", f.OlderThan.UTC().Format(time.RFC3339))
	}
	if f.HeldOnly {
		out = append(out, "held")
	}
	return cmp.Or(strings.Join(out, " "), "all")
}

func actionWord(a spool.Action) string {
	return [...]string{"hold", "release", "retry", "remove"}[a]
}
