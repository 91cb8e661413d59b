package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/alecthomas/kong"

	"github.com/postroad/postroad/internal/server/control"
)

// queueAction is one of the actions that change jobs; which one is the verb's
// name.
type queueAction struct {
	configured
	selection
	JSON bool `name:"json" help:"What was changed as a JSON object."`
}

// changed is what an action tells as JSON.
type changed struct {
	control.Changed
	Complete bool `json:"complete"` // false: it was broken off
}

// Run changes the jobs selected and tells how many. Everything must be said
// with --all, so that a forgotten flag empties no queue.
func (q queueAction) Run(w *world, k *kong.Context) error {
	sel, err := q.named()
	if err != nil {
		return err
	}
	client, err := q.client(w)
	if err != nil {
		return err
	}
	verb := k.Selected().Name
	b := newBulk(w, pastOf(verb))
	b.quiet = b.quiet || q.JSON
	b.expect(client, verb, sel)
	n, failed := client.Change(w.ctx, verb, sel, func(n control.Changed) { b.at(n.Jobs) })
	if failed != nil {
		b.done = n.Jobs
		failed = b.brokenOff(failed)
	}
	b.clear()
	switch {
	case q.JSON && (failed == nil || n.Jobs > 0):
		err = json.NewEncoder(w.stdout).Encode(changed{n, failed == nil})
	case failed == nil:
		_, err = fmt.Fprintf(w.stdout, "%s, %s %s\n", number(n.Messages, "message"), number(n.Recipients, "recipient"), b.did)
	}
	if failed == nil && n.Jobs == 0 && len(q.IDs) > 0 {
		failed = answer(exitNo)
	}
	return errors.Join(failed, err)
}

// pastOf is what has been done to jobs by a verb.
func pastOf(verb string) string {
	switch verb {
	case "hold":
		return "held"
	case "release":
		return "released"
	case "retry":
		return "tried now"
	}
	return "removed"
}

// named is a selection that does not mean everything by saying nothing.
func (s selection) named() (control.Selection, error) {
	sel, err := s.control()
	if err == nil && !sel.All && !sel.Bounded() {
		err = &statusError{status: exitUsage, err: errors.New("which messages? name them, or say --all")}
	}
	return sel, err
}

// orAll is a selection that means everything by saying nothing.
func (s selection) orAll() (control.Selection, error) {
	sel, err := s.control()
	sel.All = sel.All || !sel.Bounded()
	return sel, err
}

func jobs(n int) string {
	if n == 1 {
		return "1 job"
	}
	return fmt.Sprintf("%d jobs", n)
}
