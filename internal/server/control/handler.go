package control

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/postroad/postroad/internal/explain"
	"github.com/postroad/postroad/internal/migrate"
	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/spool"
)

// Backend is the server behind the socket. All methods may be called by several
// goroutines.
type Backend interface {
	// Reload gives the generation that serves from now on, or why the old one
	// goes on.
	Reload(ctx context.Context) (generation string, err error)
	Route(ctx context.Context, q explain.Query) (explain.Result, error)
	Status() Status
	Ask(ctx context.Context, k TableKey) (explain.Asked, error)
	// Tables gives the state of all tables that are read or asked, by name.
	Tables() []TableStatus
	Scan(ctx context.Context, f spool.Filter, each func(spool.Entry) error) error
	Changer
	Viewer
	Migration
	Rerouter
	Pausing
	Summarizer
}

// Status of a running server.
type Status struct {
	Version    string    `json:"version"`
	PID        int       `json:"pid"`
	Started    time.Time `json:"started"`
	Generation string    `json:"generation"`
	Health     string    `json:"health"` // "ok" or why not

	Paused []queue.Pause `json:"paused"`
}

// Reloaded is the answer to a reload.
type Reloaded struct {
	Generation string `json:"generation"`
}

const maxRequest = 1 << 20

// Handler serves the Backend. The socket's mode is its only access control.
func Handler(b Backend) http.Handler {
	h := handler{b}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /reload", h.reload)
	mux.HandleFunc("POST /route", h.route)
	mux.HandleFunc("GET /status", h.status)
	mux.HandleFunc("POST /table/get", h.tableGet)
	mux.HandleFunc("GET /table/stats", h.tableStats)
	mux.HandleFunc("POST /queue/list", h.list)
	mux.HandleFunc("POST /queue/reroute", h.reroute)
	mux.HandleFunc("POST /queue/rows", h.rows)
	mux.HandleFunc("POST /queue/show", h.show)
	mux.HandleFunc("POST /queue/summary", h.summary)
	h.pauseRoutes(mux)
	h.migrationRoutes(mux)
	for name, a := range actions() {
		mux.HandleFunc("POST /queue/"+name, h.change(a))
	}
	return mux
}

type handler struct{ b Backend }

func (h handler) reload(w http.ResponseWriter, r *http.Request) {
	generation, err := h.b.Reload(r.Context())
	answer(w, Reloaded{generation}, err)
}

func (h handler) route(w http.ResponseWriter, r *http.Request) {
	var q explain.Query
	if !read(w, r, &q) {
		return
	}
	result, err := h.b.Route(r.Context(), q)
	answer(w, result, err)
}

func (h handler) status(w http.ResponseWriter, _ *http.Request) { answer(w, h.b.Status(), nil) }

// list streams an object a line.
func (h handler) list(w http.ResponseWriter, r *http.Request) {
	f, ok := selection(w, r)
	if !ok {
		return
	}
	paused := h.b.Pauses()
	out := newLines(w)
	err := h.b.Scan(r.Context(), f, func(e spool.Entry) error {
		j := JobOf(e)
		j.Paused = coveredBy(paused, e.Job.Lane)
		return out.write(j)
	})
	out.end(err)
}

// selection reads the selection of an action or a list.
func selection(w http.ResponseWriter, r *http.Request) (spool.Filter, bool) {
	var s Selection
	if !read(w, r, &s) {
		return spool.Filter{}, false
	}
	f, err := s.Filter()
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return spool.Filter{}, false
	}
	return f, true
}

func read(w http.ResponseWriter, r *http.Request, into any) bool {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}

func answer(w http.ResponseWriter, v any, err error) {
	if err != nil {
		http.Error(w, err.Error(), statusOf(err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v) // a client that went away needs no answer
}

func statusOf(err error) int {
	switch {
	case errors.Is(err, explain.ErrUsage), errors.Is(err, ErrSelection), errors.Is(err, ErrOrder), errors.Is(err, ErrPause),
		errors.Is(err, ErrSummary), errors.Is(err, migrate.ErrOrder):
		return http.StatusBadRequest
	case errors.Is(err, spool.ErrUnavailable), errors.Is(err, spool.ErrFull):
		return http.StatusServiceUnavailable
	}
	return http.StatusUnprocessableEntity
}
