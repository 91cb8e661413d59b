package control

import (
	"context"
	"io"
	"net/http"

	"github.com/postroad/postroad/internal/spool"
)

// Changer is the part of a Backend that changes the queue.
type Changer interface {
	// Change does a to the jobs of a filter until that is done or ctx ends, and calls
	// told now and then with what is done so far.
	Change(ctx context.Context, f spool.Filter, a spool.Action, told func(spool.Changed)) (spool.Changed, error)
}

// Changed is how far an action is: jobs, the messages of which they are, and their
// recipients that waited. All of it is durable.
type Changed struct {
	Messages   int64 `json:"messages"`
	Jobs       int64 `json:"jobs"`
	Recipients int64 `json:"recipients"`
}

// changeLine is a line of the answer. The last one says that it is, so that a server
// that ended in the middle does not look as if it were done.
type changeLine struct {
	Changed
	Last   bool   `json:"last,omitempty"`
	Error  string `json:"error,omitempty"` // why it ended early
	Status int    `json:"status,omitempty"`
}

func actions() map[string]spool.Action {
	return map[string]spool.Action{
		"hold": spool.ActionHold, "release": spool.ActionRelease,
		"retry": spool.ActionRetry, "remove": spool.ActionRemove,
	}
}

// change streams how far the action is. It ends when the client has gone.
func (h handler) change(a spool.Action) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f, ok := selection(w, r)
		if !ok {
			return
		}
		var out *lines // nil before something was done: an error has a status then
		n, err := h.b.Change(r.Context(), f, a, func(n spool.Changed) {
			if out == nil {
				out = newLines(w)
			}
			out.write(changeLine{Changed: Changed(n)}) // of a client that went, the context tells
		})
		last := changeLine{Changed: Changed(n), Last: true}
		if out == nil {
			answer(w, last, err)
			return
		}
		if err != nil {
			last.Error, last.Status = err.Error(), statusOf(err)
		}
		out.write(last)
		out.end(nil)
	}
}

// Change does the action ("hold", "release", "retry", "remove"), calls told now and
// then, and gives what was changed: with an error too, as far as it is known. When
// ctx ends the server stops, and all that it did until then is counted.
func (c *Client) Change(ctx context.Context, action string, s Selection, told func(Changed)) (Changed, error) {
	on, release := toTheEnd(ctx)
	defer release()
	var now changeLine
	err := stream(on, c, "/queue/"+action, s, func(l changeLine) error {
		if now = l; l.Error != "" {
			return &Refused{Status: l.Status, Text: l.Error}
		}
		told(l.Changed)
		return nil
	})
	if err == nil && !now.Last {
		err = brokenOff(io.ErrUnexpectedEOF)
	}
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	return now.Changed, err
}
