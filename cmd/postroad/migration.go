package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os/user"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/postroad/postroad/internal/server/control"
)

// migrationVerbs lead migrations on the running server.
type migrationVerbs struct {
	Move     migrationMove     `cmd:"" help:"Make the new side the home of addresses, queued mail included."`
	Rollback migrationRollback `cmd:"" help:"Make the old side their home again; without addresses, of those of the last move."`
	Resume   migrationResume   `cmd:"" help:"End the pause of a cut-over."`
	Status   migrationStatus   `cmd:"" help:"Tell who lives where, and what each side took and does not know."`
}

type migrationMove struct {
	configured
	Domain    string   `arg:"" help:"Domain under migration."`
	Addresses []string `arg:"" name:"address" help:"Addresses, or local parts of the domain."`
	Force     bool     `help:"Although the cut-over is paused."`
}

// Run moves.
func (v migrationMove) Run(w *world) error {
	return migrated(w, v.configured, "move", control.MigrationOrder{Domain: v.Domain, Addresses: v.Addresses, Force: v.Force})
}

type migrationRollback struct {
	configured
	Domain    string   `arg:"" help:"Domain under migration."`
	Addresses []string `arg:"" optional:"" name:"address" help:"Addresses, or local parts of the domain."`
}

// Run takes back.
func (v migrationRollback) Run(w *world) error {
	return migrated(w, v.configured, "rollback", control.MigrationOrder{Domain: v.Domain, Addresses: v.Addresses})
}

type migrationResume struct {
	configured
	Domain string `arg:"" help:"Domain under migration."`
}

// Run resumes.
func (v migrationResume) Run(w *world) error {
	return migrated(w, v.configured, "resume", control.MigrationOrder{Domain: v.Domain})
}

// migrated has an order carried out and tells what it did.
func migrated(w *world, c configured, action string, o control.MigrationOrder) error {
	client, err := c.client(w)
	if err != nil {
		return err
	}
	o.By = person(w)
	done, err := client.Migrate(w.ctx, action, o)
	if err != nil {
		return err
	}
	fmt.Fprintf(w.stdout, "%s: %d addresses, %d queued messages are tried now\n", action, len(done.Addresses), done.Jobs)
	return nil
}

// person is who asks, for the journal: the one behind sudo where there is one.
func person(w *world) string {
	return cmp.Or(w.getenv("SUDO_USER"), w.getenv("USER"), w.getenv("LOGNAME"), account(), "unknown")
}

// account is the name of the user as whom we run: cron and services have no USER.
func account() string {
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.Username
}

type migrationStatus struct {
	configured
	Domain string `arg:"" help:"Domain under migration."`
	JSON   bool   `name:"json" help:"One JSON object."`
}

// Run tells.
func (v migrationStatus) Run(w *world) error {
	client, err := v.client(w)
	if err != nil {
		return err
	}
	st, err := client.MigrationStatus(w.ctx, v.Domain)
	if err != nil {
		return err
	}
	if v.JSON {
		out := json.NewEncoder(w.stdout)
		out.SetEscapeHTML(false)
		return out.Encode(st)
	}
	return tellMigration(w, st)
}

func tellMigration(w *world, st control.MigrationStatus) error {
	fmt.Fprintf(w.stdout, "%s moves from transport.%s to transport.%s; default %s, percent %g\n", st.Domain, st.Old, st.New, st.Default, st.Percent)
	if p := st.Account.Pause; p != nil {
		fmt.Fprintf(w.stdout, "PAUSED since %s: %s\n", p.When.Format(time.RFC3339), p.Why)
	}
	t := tabwriter.NewWriter(w.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "side\tdelivered\tunknown\trefused\tonly known there")
	fmt.Fprintf(t, "old\t%d\t%d\t%d\t%s\n", st.Account.Old.Delivered, st.Account.Old.Unknown, st.Account.Old.Failed, some(st.Account.OnlyOld))
	fmt.Fprintf(t, "new\t%d\t%d\t%d\t%s\n", st.Account.New.Delivered, st.Account.New.Unknown, st.Account.New.Failed, some(st.Account.OnlyNew))
	fmt.Fprintln(t)
	for _, h := range st.Homes {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", h.Address, h.Side, h.Rule, h.Source)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if st.More {
		fmt.Fprintln(w.stdout, "and those that are written down nowhere")
	}
	for _, e := range st.Account.History {
		fmt.Fprintf(w.stdout, "%s  %s by %s  %s%s\n", e.When.Format(time.RFC3339), e.Action, e.By, some(e.Addresses), e.Why)
	}
	return nil
}

// some lists a few and counts the rest.
func some(list []string) string {
	const most = 5
	if len(list) <= most {
		return strings.Join(list, " ")
	}
	return strings.Join(list[:most], " ") + fmt.Sprintf(" and %d more", len(list)-most)
}
