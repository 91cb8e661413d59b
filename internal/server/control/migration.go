package control

import (
	"context"
	"errors"
	"net/http"

	"github.com/postroad/postroad/internal/migrate"
)

// ErrOrder is wrapped by what is wrong with an order about a migration.
var ErrOrder = errors.New("migration")

// MigrationOrder names a domain, and the addresses that an action is about.
type MigrationOrder struct {
	Domain    string   `json:"domain"`
	Addresses []string `json:"addresses,omitempty"`
	By        string   `json:"by,omitempty"`
	Force     bool     `json:"force,omitempty"`
}

// Migrated is the answer to an action: whose home changed, and how many queued
// jobs are tried now.
type Migrated struct {
	Addresses []string `json:"addresses"`
	Jobs      int      `json:"jobs"`
}

// Home is where one address lives, and by which rule.
type Home struct {
	Address string `json:"address"`
	Side    string `json:"side"` // new, old, "dry run", unknown
	Rule    string `json:"rule"`
	Source  string `json:"source"`
}

// MigrationStatus is how a migration is.
type MigrationStatus struct {
	Domain   string          `json:"domain"`
	New      string          `json:"new"`
	Old      string          `json:"old"`
	Default  string          `json:"default"`
	Percent  float64         `json:"percent"`
	TryOther bool            `json:"tryOther"`
	Both     bool            `json:"both"`
	DryRun   bool            `json:"dryRun"`
	Homes    []Home          `json:"homes"` // of the addresses that are written down
	More     bool            `json:"more"`  // there are others
	Account  migrate.Account `json:"account"`
}

// Migration is the part of a Backend that leads migrations.
type Migration interface {
	Migrate(ctx context.Context, action string, o MigrationOrder) (Migrated, error)
	MigrationStatus(ctx context.Context, domain string) (MigrationStatus, error)
}

func (h handler) migrationRoutes(mux *http.ServeMux) {
	for _, action := range []string{migrate.ActionMove, migrate.ActionRollback, migrate.ActionResume} {
		mux.HandleFunc("POST /migration/"+action, func(w http.ResponseWriter, r *http.Request) {
			var o MigrationOrder
			if read(w, r, &o) {
				out, err := h.b.Migrate(r.Context(), action, o)
				answer(w, out, err)
			}
		})
	}
	mux.HandleFunc("POST /migration/status", func(w http.ResponseWriter, r *http.Request) {
		var o MigrationOrder
		if read(w, r, &o) {
			out, err := h.b.MigrationStatus(r.Context(), o.Domain)
			answer(w, out, err)
		}
	})
}

// Migrate does the action: "move", "rollback" or "resume".
func (c *Client) Migrate(ctx context.Context, action string, o MigrationOrder) (Migrated, error) {
	var out Migrated
	err := c.call(ctx, http.MethodPost, "/migration/"+action, o, &out)
	return out, err
}

// MigrationStatus asks how a migration is.
func (c *Client) MigrationStatus(ctx context.Context, domain string) (MigrationStatus, error) {
	var out MigrationStatus
	err := c.call(ctx, http.MethodPost, "/migration/status", MigrationOrder{Domain: domain}, &out)
	return out, err
}
