package main

import (
	"encoding/json"
	"fmt"

	"github.com/postroad/postroad/internal/server/control"
)

// queueReroute has the ways of queued mail decided anew.
type queueReroute struct {
	configured
	selection
	DryRun bool `name:"dry-run" help:"Tell what would change, and why, and change nothing."`
	JSON   bool `name:"json" help:"One JSON object a line, for each message that goes one way."`
}

// Run reroutes and tells what changed. Everything must be said with --all.
func (q queueReroute) Run(w *world) error {
	sel, err := q.named()
	if err != nil {
		return err
	}
	client, err := q.client(w)
	if err != nil {
		return err
	}
	done := make(map[string]int)
	lines := json.NewEncoder(w.stdout)
	lines.SetEscapeHTML(false)
	b := newBulk(w, "looked at")
	b.quiet = b.quiet || q.JSON
	b.expect(client, "reroute", sel)
	err = client.Reroute(w.ctx, control.RerouteOrder{Selection: sel, DryRun: q.DryRun}, func(r control.Rerouted) error {
		done[r.Outcome]++
		b.at(b.done + 1)
		if q.JSON {
			return lines.Encode(r)
		}
		return q.tell(b, r)
	})
	if err != nil {
		err = b.brokenOff(err)
	}
	b.clear()
	if !q.JSON && (err == nil || b.done > 0) {
		fmt.Fprintln(w.stdout, q.summary(done))
	}
	if err != nil {
		return err
	}
	if len(done) == 0 && len(q.IDs) > 0 {
		return answer(exitNo)
	}
	return nil
}

// tell prints a job that does not go on as before.
func (q queueReroute) tell(b *bulk, r control.Rerouted) error {
	if r.Outcome == control.RerouteSame || r.Outcome == control.RerouteOwn {
		return nil
	}
	b.clear()
	w := b.w
	if r.Outcome == control.RerouteBusy {
		_, err := fmt.Fprintf(w.stdout, "%s  is being attempted via %s\n", r.ID, way(r.Transport, r.Nexthop))
		return err
	}
	if r.Error != "" {
		fmt.Fprintf(w.stdout, "%s  cannot be decided: %s\n", r.ID, r.Error)
	}
	for _, one := range r.Recipients {
		fmt.Fprintf(w.stdout, "%s  %s  via %s", r.ID, one.Recipient, way(r.Transport, r.Nexthop))
		switch one.Outcome {
		case control.RerouteMoved:
			fmt.Fprintf(w.stdout, " -> %s by %s", way(one.Transport, one.Nexthop), one.Rule)
		case control.RerouteKept:
			fmt.Fprintf(w.stdout, ", kept: %s %d %s %s", one.Verdict, one.Reply.Code, one.Reply.Enhanced, one.Reply.Text)
		default:
			fmt.Fprint(w.stdout, ", as before")
		}
		fmt.Fprintln(w.stdout)
		if !q.DryRun {
			continue
		}
		for _, s := range one.Steps {
			fmt.Fprintf(w.stdout, "    %s  %s  %s  %s\n", s.Stage, s.Rule, s.Outcome, s.Source)
		}
	}
	return nil
}

// way is a transport, with the next hop where it has several.
func way(transport, nexthop string) string {
	if nexthop == "" {
		return "transport." + transport
	}
	return "transport." + transport + " " + nexthop
}

func (q queueReroute) summary(done map[string]int) string {
	verb := "moved"
	if q.DryRun {
		verb = "would move"
	}
	text := fmt.Sprintf("%s %s, %d stay", jobs(done[control.RerouteMoved]), verb, done[control.RerouteSame]+done[control.RerouteOwn])
	if n := done[control.RerouteKept]; n > 0 {
		text += fmt.Sprintf(", %d kept without a way", n)
	}
	if n := done[control.RerouteBusy]; n > 0 {
		text += fmt.Sprintf(", %d being attempted: ask again", n)
	}
	return text
}
