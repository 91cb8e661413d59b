package control

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/spool"
)

// ErrPause is wrapped by what is wrong with an order to pause or resume.
var ErrPause = errors.New("pause")

// Pausing is the part of a Backend that pauses lanes.
type Pausing interface {
	// Pause holds over restarts. Of lanes that are paused already it changes the reason.
	Pause(ctx context.Context, p queue.Pause) (Waiting, error)
	// Resume ends the pause of just these lanes, and has their mail tried.
	Resume(ctx context.Context, p queue.Pause) (Waiting, error)
	Pauses() []queue.Pause
}

// Waiting is the answer to such an order.
type Waiting struct {
	Jobs int `json:"jobs"` // of these lanes
}

func (h handler) pauseRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /queue/pause", ordered(h.b.Pause))
	mux.HandleFunc("POST /queue/resume", ordered(h.b.Resume))
	mux.HandleFunc("GET /queue/paused", func(w http.ResponseWriter, _ *http.Request) { answer(w, h.b.Pauses(), nil) })
}

// ordered has an order carried out.
func ordered(do func(context.Context, queue.Pause) (Waiting, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var p queue.Pause
		if read(w, r, &p) {
			n, err := do(r.Context(), p)
			answer(w, n, err)
		}
	}
}

// coveredBy tells whether a lane is paused.
func coveredBy(all []queue.Pause, l spool.Lane) bool {
	return slices.ContainsFunc(all, func(p queue.Pause) bool { return p.Covers(l) })
}

// Pause has no more attempts made in some lanes.
func (c *Client) Pause(ctx context.Context, p queue.Pause) (n Waiting, err error) {
	err = c.call(ctx, http.MethodPost, "/queue/pause", p, &n)
	return n, err
}

// Resume ends a pause.
func (c *Client) Resume(ctx context.Context, p queue.Pause) (n Waiting, err error) {
	err = c.call(ctx, http.MethodPost, "/queue/resume", p, &n)
	return n, err
}

// Pauses asks what is paused.
func (c *Client) Pauses(ctx context.Context) (all []queue.Pause, err error) {
	err = c.call(ctx, http.MethodGet, "/queue/paused", nil, &all)
	return all, err
}
