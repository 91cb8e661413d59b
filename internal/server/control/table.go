package control

import (
	"context"
	"net/http"

	"github.com/postroad/postroad/internal/explain"
)

// TableKey asks one table for one key.
type TableKey struct {
	Table string `json:"table"`
	Key   string `json:"key"`
}

// TableStatus is the state of one table of the running server.
type TableStatus struct {
	Name  string `json:"name"`
	Kind  string `json:"kind"`            // file, sql, …
	Error string `json:"error,omitempty"` // why it is not what it should be

	// Of a file.
	Entries int    `json:"entries,omitempty"`
	Loaded  string `json:"loaded,omitempty"`  // when, UTC
	Changed string `json:"changed,omitempty"` // when it was written, UTC: the age of a list that is pushed
	Refused int    `json:"refused,omitempty"` // new contents that were not taken

	// Of a table that is asked.
	Asked *TableAsked `json:"asked,omitempty"`
}

// TableAsked is what a table that is asked has counted since the server, or its
// definition, is there.
type TableAsked struct {
	Asked        int64   `json:"asked"`
	Hits         int64   `json:"hits"`
	NegativeHits int64   `json:"negative_hits"`
	Stale        int64   `json:"stale"`
	Failures     int64   `json:"failures"`
	Refused      int64   `json:"refused"` // not asked while the table was left alone
	Cached       int     `json:"cached"`
	Open         bool    `json:"open"`            // it is left alone
	Seconds      float64 `json:"average_seconds"` // of an exchange
}

func (h handler) tableGet(w http.ResponseWriter, r *http.Request) {
	var k TableKey
	if !read(w, r, &k) {
		return
	}
	asked, err := h.b.Ask(r.Context(), k)
	answer(w, asked, err)
}

func (h handler) tableStats(w http.ResponseWriter, _ *http.Request) { answer(w, h.b.Tables(), nil) }

// Ask asks one table of the running server for one key.
func (c *Client) Ask(ctx context.Context, k TableKey) (explain.Asked, error) {
	var a explain.Asked
	err := c.call(ctx, http.MethodPost, "/table/get", k, &a)
	return a, err
}

// Tables gives the state of all tables but those that stand in the configuration.
func (c *Client) Tables(ctx context.Context) ([]TableStatus, error) {
	var t []TableStatus
	err := c.call(ctx, http.MethodGet, "/table/stats", nil, &t)
	return t, err
}
