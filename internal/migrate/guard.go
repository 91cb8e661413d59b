package migrate

import (
	"fmt"
	"time"

	"github.com/postroad/postroad/internal/decide"
)

// The guard's measure. A window ends after windowFor; what was usual is a moving
// mean over windows in which enough was asked. Addresses count once a window, so
// that one of them that is written to a thousand times is no rise.
const (
	windowFor    = 10 * time.Minute
	windowEnough = 20   // addresses asked, for a window to tell what is usual
	windowMost   = 5000 // addresses remembered of one window
	riseEnough   = 10   // unknown addresses, for a rise
	riseFactor   = 3.0
	riseMargin   = 0.05
	riseUnknown  = 0.5 // share that is a rise where nothing is known to be usual
	usualWeight  = 0.2
)

// watch is one side of one migration under the guard's eyes. It is pure: the time
// comes with each event.
type watch struct {
	Usual  float64 `json:"usual"` // share of addresses unknown
	Known  bool    `json:"known"` // Usual was measured
	began  time.Time
	seen   map[string]bool // address: unknown
	misses int
}

// asked notes that the side was asked about an address. Not empty: why that is a
// rise.
func (w *watch) asked(now time.Time, address string, unknown bool) string {
	if w.seen == nil || now.Sub(w.began) >= windowFor {
		w.turn(now)
	}
	if _, known := w.seen[address]; known || len(w.seen) >= windowMost {
		return ""
	}
	w.seen[address] = unknown
	if !unknown {
		return ""
	}
	w.misses++
	return w.rise()
}

// turn ends a window and learns from it.
func (w *watch) turn(now time.Time) {
	if len(w.seen) >= windowEnough {
		share := w.share()
		if w.Known {
			share = w.Usual + usualWeight*(share-w.Usual)
		}
		w.Usual, w.Known = share, true
	}
	w.began, w.seen, w.misses = now, map[string]bool{}, 0
}

func (w *watch) share() float64 { return float64(w.misses) / float64(len(w.seen)) }

func (w *watch) rise() string {
	limit := riseUnknown
	if w.Known {
		limit = riseFactor*w.Usual + riseMargin
	}
	share := w.share()
	if w.misses < riseEnough || share <= limit {
		return ""
	}
	return fmt.Sprintf("%d of %d addresses (%.0f %%) are unknown, usual are %.0f %%", w.misses, len(w.seen), 100*share, 100*w.Usual)
}

// forget begins a new window, so that a resumed cut-over is not paused by what
// was already seen.
func (w *watch) forget() { w.seen = nil }

// sides is one thing for each side.
type sides[T any] [2]T

func (s *sides[T]) at(side decide.Side) *T { return &s[side] }
