package control

import (
	"context"
	"net/http"
	"time"

	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/spool"
)

// StateDelivering is the state of a job that is being attempted; the others are those
// of a row.
const StateDelivering = "delivering"

// Shown is a job with all that the running server knows of it.
type Shown struct {
	Job
	State           string       `json:"state"` // what comes first, as an attempt under way of a job on hold
	DeliveringSince time.Time    `json:"deliveringSince,omitzero"`
	Expires         time.Time    `json:"expires"`         // it bounces with the first attempt from then on
	Pause           *queue.Pause `json:"pause,omitempty"` // of its lane; it lasts until it is resumed
	Lane            Lane         `json:"lane"`
}

// ShownOf is the entry while it is not being attempted; pause is that of its lane, or
// nil.
func ShownOf(e spool.Entry, pause *queue.Pause) Shown {
	s := Shown{Job: JobOf(e), State: resting(&e.Job, pause != nil), Pause: pause}
	s.Paused = pause != nil
	return s
}

// Lane is what jobs with the same tenant, transport and next hop share.
type Lane struct {
	Active int       `json:"active"` // attempts under way
	Limit  int       `json:"limit"`  // attempts that may be at once, now; 0: none, or nothing is known
	Dead   bool      `json:"dead"`   // a round of attempts reached nobody
	Until  time.Time `json:"until,omitzero"`
	Reply  string    `json:"reply,omitempty"` // why
	Remote string    `json:"remote,omitempty"`
}

// LaneOf is the state of a lane as Show has it.
func LaneOf(s queue.LaneState) Lane {
	l := Lane{Active: s.Active, Limit: s.Limit, Dead: s.Dead}
	if s.Dead {
		l.Until, l.Reply, l.Remote = s.Until.UTC(), s.Why.Reply.String(), s.Why.Remote
	}
	return l
}

// Viewer is the part of a Backend that tells everything about jobs.
type Viewer interface {
	Show(ctx context.Context, f spool.Filter, each func(Shown) error) error
}

func (h handler) show(w http.ResponseWriter, r *http.Request) {
	f, ok := selection(w, r)
	if !ok {
		return
	}
	out := newLines(w)
	out.end(h.b.Show(r.Context(), f, func(s Shown) error { return out.write(s) }))
}

// Show calls each for every job selected, with all that is known of it.
func (c *Client) Show(ctx context.Context, s Selection, each func(Shown) error) error {
	return stream(ctx, c, "/queue/show", s, each)
}
