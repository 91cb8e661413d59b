package deliver

import (
	"context"
	"log/slog"

	"github.com/postroad/postroad/internal/spool"
)

// tell counts the result of one recipient. The queue writes the line that people
// read, with what comes next; this one has what only the attempt knows.
func (r *run) tell(ctx context.Context, s *slot) {
	word := "deferred"
	switch s.state {
	case spool.Delivered:
		word = "delivered"
		r.d.counters.Delivered.Add(1)
	case spool.Failed:
		word = "failed"
		r.d.counters.Failed.Add(1)
	case spool.Moved:
		word = "moved"
		r.d.counters.Moved.Add(1)
	default:
		r.d.counters.Deferred.Add(1)
	}
	if !r.d.o.Log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	remote := s.remote
	if remote == "" {
		remote = s.at
	}
	j := &r.a.Job
	r.d.o.Log.LogAttrs(ctx, slog.LevelDebug, word,
		slog.String("id", j.Message.String()),
		slog.String("recipient", s.rcpt.Final.String()),
		slog.String("tenant", j.Lane.Tenant),
		slog.String("rule", j.Rule),
		slog.String("transport", j.Lane.Transport),
		slog.String("remote", remote),
		slog.String("reply", s.reply.String()),
		slog.String("tls", r.tls),
		slog.Int64("ms", elapsed(r.begun)))
}
