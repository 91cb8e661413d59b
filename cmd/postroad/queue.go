package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/postroad/postroad/internal/server/control"
)

// queueVerbs are the actions on the queue of a running server.
type queueVerbs struct {
	List    queueList    `cmd:"" help:"List messages, a line for each that goes one way."`
	Show    queueShow    `cmd:"" help:"Show messages with each recipient and the last reply."`
	Summary queueSummary `cmd:"" help:"Tell how much waits, for whom, how long and why."`
	Retry   queueAction  `cmd:"" help:"Try now."`
	Hold    queueAction  `cmd:"" help:"Try no more until released."`
	Release queueAction  `cmd:"" help:"End a hold."`
	Remove  queueAction  `cmd:"" help:"Remove without a report to the sender."`

	Pause   queuePause   `cmd:"" help:"Make no more attempts by a transport; its mail waits, and grows older."`
	Resume  queueResume  `cmd:"" help:"End a pause, and try what waited."`
	Paused  queuePaused  `cmd:"" help:"Tell what is paused."`
	Reroute queueReroute `cmd:"" help:"Decide anew by which way, with the configuration of now."`
}

// selection is the part of the queue that is meant.
type selection struct {
	IDs       []string `arg:"" optional:"" name:"id" help:"Messages."`
	Domain    string   `help:"Of a recipient."`
	Transport string   `help:"Name of a transport."`
	Nexthop   string   `help:"Of a transport's next hops: the domain, or the host that a route names."`
	Sender    string   `help:"Address, or <> for reports."`
	Tenant    string   `help:"Name of a tenant."`
	Older     string   `help:"At least so old, as 90m, 4h or 5d."`
	Held      bool     `help:"Those on hold."`
	All       bool     `help:"Everything."`
}

func (s selection) control() (control.Selection, error) {
	out := control.Selection{IDs: s.IDs, Domain: s.Domain, Transport: s.Transport, Nexthop: s.Nexthop, Sender: s.Sender, Tenant: s.Tenant, Held: s.Held, All: s.All}
	older, err := age(s.Older)
	out.Older = older
	return out, err
}

// age reads a duration, with days as the configuration has them.
func age(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	days, isDays := strings.CutSuffix(s, "d")
	if isDays {
		s = days + "h"
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, &statusError{status: exitUsage, err: fmt.Errorf("%q is no age", s)}
	}
	if isDays {
		d *= 24
	}
	return d, nil
}

type queueList struct {
	configured
	selection
	JSON bool `name:"json" help:"One JSON object a line."`
}

// Run lists; without a selection, everything.
func (q queueList) Run(w *world) error {
	sel, err := q.orAll()
	if err != nil {
		return err
	}
	client, err := q.client(w)
	if err != nil {
		return err
	}
	if q.JSON {
		return client.ListLines(w.ctx, sel, w.stdout)
	}
	t := newPages(w.stdout)
	err = client.Rows(w.ctx, sel, func(r control.Row) error {
		return t.printf("%s\t%s\t%d\t%s\t%s\t%s\t%s\n", r.ID, r.Arrived.Format(time.RFC3339), r.Size,
			r.Sender, recipients(&r), r.Transport, waiting(r.State, r.Attempts, r.Due))
	})
	return errors.Join(err, t.end())
}

func recipients(r *control.Row) string {
	if r.More == 0 {
		return r.Recipient
	}
	return fmt.Sprintf("%s and %d more", r.Recipient, r.More)
}

// waiting is for what a job waits.
func waiting(state string, attempts int, due time.Time) string {
	switch {
	case state == control.RowAsleep:
		return fmt.Sprintf("tried %d times, next when its host is reached again", attempts)
	case state != control.RowWaits:
		return state
	case attempts == 0:
		return "new"
	}
	return fmt.Sprintf("tried %d times, next %s", attempts, due.Format(time.RFC3339))
}
