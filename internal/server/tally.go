package server

import (
	"time"

	"github.com/postroad/postroad/internal/server/control"
	"github.com/postroad/postroad/internal/spool"
)

// tally counts jobs, which come message by message.
type tally struct {
	messages, jobs, recipients, bytes, held, due int64

	oldest time.Time
	ages   []int64
	last   spool.ID // message
}

// add takes what another one has counted. A message that both have met counts in
// each.
func (t *tally) add(o *tally) {
	t.messages += o.messages
	t.jobs += o.jobs
	t.recipients += o.recipients
	t.bytes += o.bytes
	t.held += o.held
	t.due += o.due
	if t.oldest.IsZero() || o.oldest.Before(t.oldest) {
		t.oldest = o.oldest
	}
	if t.ages == nil {
		t.ages = make([]int64, len(o.ages))
	}
	for i, n := range o.ages {
		t.ages[i] += n
	}
}

func (t *tally) sum() control.Sum {
	return control.Sum{
		Messages: t.messages, Jobs: t.jobs, Recipients: t.recipients, Bytes: t.bytes,
		Held: t.held, Due: &t.due, Oldest: t.oldest.UTC(), Ages: t.ages,
	}
}
