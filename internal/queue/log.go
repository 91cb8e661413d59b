package queue

import (
	"context"
	"log/slog"
	"time"

	"github.com/postroad/postroad/internal/spool"
)

// logger names the job in each line.
func (t *try) logger() *slog.Logger {
	return t.opt.Log.With("id", t.job.Message.String(), "job", t.job.N, "tenant", t.job.Lane.Tenant, "transport", t.job.Lane.Transport,
		"nexthop", t.job.Lane.Nexthop)
}

// count adds a verdict that stands to the numbers.
func (t *try) count(v *verdict) {
	for _, r := range v.recipients {
		switch r.State {
		case spool.Delivered:
			t.stats.delivered.Add(1)
		case spool.Failed:
			t.stats.failed.Add(1)
		case spool.Waiting:
			t.stats.deferred.Add(1)
		}
	}
	t.stats.expired.Add(int64(len(v.expired)))
	t.stats.delayed.Add(int64(len(v.warned)))
	if v.told {
		t.stats.bounced.Add(1)
	}
	if t.job.Sender.IsNull() {
		t.stats.dropped.Add(int64(len(v.failed)))
	}
}

// report writes a line for each recipient. What remote hosts said is quoted by
// the handler.
func (t *try) report(v *verdict, e ending) {
	if !t.opt.Log.Enabled(context.Background(), slog.LevelInfo) {
		return
	}
	log := t.logger()
	expired := make(map[int]bool, len(v.expired))
	for _, i := range v.expired {
		expired[i] = true
	}
	for i, r := range v.recipients {
		attrs := []slog.Attr{
			slog.String("sender", t.job.Sender.String()),
			slog.String("recipient", r.Final.String()),
			slog.String("rule", t.job.Rule),
			slog.String("remote", r.Remote),
			slog.String("reply", r.Reply.String()),
			slog.Int("attempt", t.attempts(v)),
			slog.Duration("age", e.now.Sub(t.job.Arrived).Truncate(time.Millisecond)),
		}
		attrs = append(attrs, t.outlook(v, e, r)...)
		log.LogAttrs(context.Background(), slog.LevelInfo, word(r, expired[i], e.result.Hold), attrs...)
	}
}

// attempts counts them, with this one if it was one.
func (t *try) attempts(v *verdict) int {
	if v.outcome.Uncount {
		return t.job.Attempts
	}
	return t.job.Attempts + 1
}

// outlook says what comes after the line's event.
func (t *try) outlook(v *verdict, e ending, r spool.Recipient) []slog.Attr {
	switch {
	case r.State == spool.Delivered && e.result.TLS != "":
		return []slog.Attr{slog.String("tls", e.result.TLS)}
	case r.State == spool.Moved:
		return []slog.Attr{slog.String("to", e.result.of(r.N).Lane.Transport)}
	case r.State == spool.Failed:
		return []slog.Attr{slog.Bool("told", v.told)}
	case r.State == spool.Waiting && v.outcome.Asleep:
		return []slog.Attr{slog.Bool("asleep", true)}
	case r.State == spool.Waiting && !e.result.Hold:
		return []slog.Attr{slog.Time("next", v.outcome.Next)}
	}
	return nil
}

// word is the event of a recipient.
func word(r spool.Recipient, expired, held bool) string {
	switch {
	case r.State == spool.Delivered:
		return "delivered"
	case r.State == spool.Moved:
		return "moved"
	case expired:
		return "expired"
	case r.State == spool.Failed:
		return "bounced"
	case held:
		return "held"
	}
	return "deferred"
}
