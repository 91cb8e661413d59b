package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/server/control"
)

// lanes of the queue.
type lanes struct {
	Transport string `required:"" help:"Name of a transport."`
	Nexthop   string `help:"Only one of its next hops: the domain, or the host that a route names."`
	Tenant    string `help:"Only mail of this tenant."`
}

func (l lanes) pause(w *world) queue.Pause {
	return queue.Pause{Transport: l.Transport, Nexthop: l.Nexthop, Tenant: l.Tenant, By: person(w)}
}

// queuePause pauses.
type queuePause struct {
	configured
	lanes
	Reason string `help:"For whoever looks at it later."`
}

// Run pauses.
func (q queuePause) Run(w *world) error {
	client, err := q.client(w)
	if err != nil {
		return err
	}
	p := q.pause(w)
	p.Reason = q.Reason
	n, err := client.Pause(w.ctx, p)
	return toldWaiting(w, "paused: %s wait\n", n, err)
}

// queueResume ends a pause.
type queueResume struct {
	configured
	lanes
}

// Run resumes.
func (q queueResume) Run(w *world) error {
	client, err := q.client(w)
	if err != nil {
		return err
	}
	n, err := client.Resume(w.ctx, q.pause(w))
	return toldWaiting(w, "resumed: %s tried now\n", n, err)
}

func toldWaiting(w *world, format string, n control.Waiting, err error) error {
	if err == nil {
		_, err = fmt.Fprintf(w.stdout, format, jobs(n.Jobs))
	}
	return err
}

// queuePaused tells what is paused.
type queuePaused struct {
	configured
	JSON bool `name:"json" help:"One JSON object a line."`
}

// Run tells.
func (q queuePaused) Run(w *world) error {
	client, err := q.client(w)
	if err != nil {
		return err
	}
	all, err := client.Pauses(w.ctx)
	if err != nil {
		return err
	}
	lines := json.NewEncoder(w.stdout)
	t := tabwriter.NewWriter(w.stdout, 0, 0, 2, ' ', 0)
	for _, p := range all {
		if q.JSON {
			err = lines.Encode(p)
		} else {
			_, err = fmt.Fprintf(t, "transport.%s\t%s\t%s\t%s\t%s\t%s\n", p.Transport, orDash(p.Nexthop), orDash(p.Tenant), p.Since.Format(time.RFC3339), p.By, p.Reason)
		}
		if err != nil {
			return err
		}
	}
	return t.Flush()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
