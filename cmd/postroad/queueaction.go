package main

import (
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
	JSON bool `name:"json" help:"The number of jobs as a JSON object."`
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
	n, err := client.Change(w.ctx, k.Selected().Name, sel)
	if err != nil {
		return err
	}
	if q.JSON {
		fmt.Fprintf(w.stdout, "{\"jobs\":%d}\n", n)
	} else {
		fmt.Fprintln(w.stdout, jobs(n))
	}
	if n == 0 && len(q.IDs) > 0 {
		return answer(exitNo)
	}
	return nil
}

// named is a selection that does not mean everything by saying nothing.
func (s selection) named() (control.Selection, error) {
	sel, err := s.control()
	if err == nil && !sel.All && !sel.Bounded() {
		err = &statusError{status: exitUsage, err: errors.New("which messages? name them, or say --all")}
	}
	return sel, err
}

func jobs(n int) string {
	if n == 1 {
		return "1 job"
	}
	return fmt.Sprintf("%d jobs", n)
}
