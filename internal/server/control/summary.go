package control

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/postroad/postroad/internal/queue"
)

// By what a summary groups.
const (
	ByDomain    = "domain" // of the recipients
	ByTransport = "transport"
	ByNexthop   = "nexthop" // of a transport
	BySender    = "sender"
	ByTenant    = "tenant"
	ByReason    = "reason" // code and enhanced code of the last reply
)

// ErrSummary is wrapped by what is wrong with an order for a summary.
var ErrSummary = errors.New("summary")

// SummaryOrder names jobs of the queue, and how they are summed up. Limit 0 asks
// for the totals alone, which of the whole queue are there at once.
type SummaryOrder struct {
	Selection
	By    string `json:"by"`
	Limit int    `json:"limit"` // groups that are told one by one
}

// Check tells what is wrong with the order; its errors wrap ErrSummary.
func (o *SummaryOrder) Check() error {
	all := []string{ByDomain, ByTransport, ByNexthop, BySender, ByTenant, ByReason}
	if !slices.Contains(all, o.By) {
		return fmt.Errorf("%w: by %q? There is %s", ErrSummary, o.By, strings.Join(all, ", "))
	}
	if o.Limit < 0 {
		return fmt.Errorf("%w: a limit of %d groups", ErrSummary, o.Limit)
	}
	return nil
}

// Summary tells what is in the queue.
type Summary struct {
	At         time.Time `json:"at"`
	By         string    `json:"by"`
	AgeMinutes []int     `json:"ageMinutes"` // bounds of a group's ages; what is older comes after the last
	Total      Sum       `json:"total"`

	Groups []SummaryGroup `json:"groups"` // most recipients first
	// Rest is all other groups. A message in several of them counts in each.
	Rest       Sum `json:"rest"`
	RestGroups int `json:"restGroups"`
	// Missing is how many recipients may be missing in each group and be in Rest, since
	// there are more groups than are kept in memory. 0: the figures are exact.
	Missing int64 `json:"missing"`

	Paused []queue.Pause `json:"paused"`
}

// Sum of some jobs.
type Sum struct {
	Messages   int64     `json:"messages"`
	Jobs       int64     `json:"jobs"`
	Recipients int64     `json:"recipients"` // that wait
	Bytes      int64     `json:"bytes"`
	Held       int64     `json:"held"`           // jobs
	Due        *int64    `json:"due,omitempty"`  // jobs that are to be tried now; not told of totals alone
	Oldest     time.Time `json:"oldest"`         // arrival
	Ages       []int64   `json:"ages,omitempty"` // recipients by their age; not told of totals alone
}

// SummaryGroup is what waits for one cause or place.
type SummaryGroup struct {
	Name      string `json:"name"`
	Transport string `json:"transport,omitempty"` // of a next hop
	Example   string `json:"example,omitempty"`   // of a reason: one that was heard
	Sum
}

// Summarizer is the part of a Backend that sums up.
type Summarizer interface {
	Summary(ctx context.Context, o SummaryOrder) (Summary, error)
}

func (h handler) summary(w http.ResponseWriter, r *http.Request) {
	var o SummaryOrder
	if !read(w, r, &o) {
		return
	}
	err := o.Check()
	var s Summary
	if err == nil {
		s, err = h.b.Summary(r.Context(), o)
	}
	answer(w, s, err)
}

// Summary asks what is in the queue.
func (c *Client) Summary(ctx context.Context, o SummaryOrder) (s Summary, err error) {
	err = c.call(ctx, http.MethodPost, "/queue/summary", o, &s)
	return s, err
}
