package control

import (
	"context"
	"net/http"

	"github.com/postroad/postroad/internal/explain"
)

// RerouteOrder names the jobs whose way is decided anew.
type RerouteOrder struct {
	Selection
	DryRun bool `json:"dryRun,omitempty"` // tell, and change nothing
}

// Outcomes of a reroute, of a job and of its recipients.
const (
	RerouteMoved = "moved" // goes by another way; of a dry run: would
	RerouteSame  = "same"  // goes by the way that it had
	RerouteKept  = "kept"  // waits as before: there is no way, or none can be told
	RerouteBusy  = "busy"  // an attempt has it
	RerouteOwn   = "own"   // no route had sent it on its way
)

// Rerouted is what a new decision made of a job.
type Rerouted struct {
	ID         string              `json:"id"`
	Job        int                 `json:"job"` // the number that it had
	Outcome    string              `json:"outcome"`
	Transport  string              `json:"transport"` // as it was
	Nexthop    string              `json:"nexthop"`
	Tenant     string              `json:"tenant"`
	Rule       string              `json:"rule"`
	Held       bool                `json:"held"`
	Error      string              `json:"error,omitempty"` // why nothing could be decided
	Recipients []ReroutedRecipient `json:"recipients"`      // those that wait
}

// ReroutedRecipient is one of them, with the way from now on.
type ReroutedRecipient struct {
	Recipient string         `json:"recipient"`
	Outcome   string         `json:"outcome"`
	Verdict   string         `json:"verdict"`
	Reply     *explain.Reply `json:"reply,omitempty"` // of a verdict that is not accept
	Transport string         `json:"transport"`
	Nexthop   string         `json:"nexthop"`
	Tenant    string         `json:"tenant"`
	Rule      string         `json:"rule"`
	Steps     []explain.Step `json:"steps"`
}

// Rerouter decides anew by which way queued mail goes.
type Rerouter interface {
	// Reroute calls each for every job of the order, in the order of arrival.
	Reroute(ctx context.Context, o RerouteOrder, each func(Rerouted) error) error
}

func (h handler) reroute(w http.ResponseWriter, r *http.Request) {
	var o RerouteOrder
	if !read(w, r, &o) {
		return
	}
	if _, err := o.Filter(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out := newLines(w)
	out.end(h.b.Reroute(r.Context(), o, func(one Rerouted) error { return out.write(one) }))
}

// Reroute calls each for every job of the order, while the server does it. When ctx
// ends the server stops, and each is called for all that it did until then.
func (c *Client) Reroute(ctx context.Context, o RerouteOrder, each func(Rerouted) error) error {
	on, release := toTheEnd(ctx)
	defer release()
	err := stream(on, c, "/queue/reroute", o, each)
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	return err
}
