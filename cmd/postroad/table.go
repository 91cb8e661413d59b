package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/postroad/postroad/internal/explain"
	"github.com/postroad/postroad/internal/server"
	"github.com/postroad/postroad/internal/server/control"
)

// tableVerbs look at tables.
type tableVerbs struct {
	Get   tableGet   `cmd:"" help:"Ask a table for a key, as a decision would."`
	Stats tableStats `cmd:"" help:"Tell how the tables of the running server are."`
}

type tableGet struct {
	configured
	Name string `arg:"" help:"Name of the table."`
	Key  string `arg:"" help:"Key: an address, a domain, whatever the table has."`
	Live bool   `help:"Ask through the running server: its answers from before count."`
	JSON bool   `name:"json" help:"One JSON object."`
}

// Run asks and prints; the exit status is 0 found, 1 not found, 75 try later.
func (v tableGet) Run(w *world) error {
	asked, err := v.ask(w)
	if err != nil {
		return err
	}
	if v.JSON {
		out := json.NewEncoder(w.stdout)
		out.SetEscapeHTML(false)
		err = out.Encode(asked)
	} else {
		err = asked.Text(w.stdout)
	}
	if err != nil {
		return err
	}
	return answer(asked.Exit())
}

func (v tableGet) ask(w *world) (explain.Asked, error) {
	if v.Live {
		client, err := v.client(w)
		if err != nil {
			return explain.Asked{}, err
		}
		return client.Ask(w.ctx, control.TableKey{Table: v.Name, Key: v.Key})
	}
	src, err := server.OpenOffline(w.ctx, v.Config).Source()
	if err != nil {
		return explain.Asked{}, err
	}
	return explain.Ask(w.ctx, src.Generation, v.Name, v.Key)
}

type tableStats struct {
	configured
	JSON bool `name:"json" help:"One JSON object a line."`
}

// Run prints a line for each table; one in trouble has a second.
func (v tableStats) Run(w *world) error {
	client, err := v.client(w)
	if err != nil {
		return err
	}
	tables, err := client.Tables(w.ctx)
	if err != nil {
		return err
	}
	if v.JSON {
		lines := json.NewEncoder(w.stdout)
		for _, t := range tables {
			if err := lines.Encode(t); err != nil {
				return err
			}
		}
		return nil
	}
	t := tabwriter.NewWriter(w.stdout, 0, 0, 2, ' ', 0)
	for _, st := range tables {
		fmt.Fprintf(t, "%s\t%s\t%s\n", st.Name, st.Kind, tableState(st))
		if st.Error != "" {
			fmt.Fprintf(t, "\t\t%s\n", st.Error)
		}
	}
	return t.Flush()
}

// ago tells how old a list is, in days where it is that old.
func ago(stamp string) string {
	then, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		return "of an unknown age"
	}
	age := time.Since(then)
	if age >= 48*time.Hour {
		return fmt.Sprintf("%d days ago", int(age.Hours()/24))
	}
	return age.Round(time.Second).String() + " ago"
}

// tableState is the state of a table in a line.
func tableState(st control.TableStatus) string {
	a := st.Asked
	if a == nil {
		if st.Loaded == "" {
			return "never read"
		}
		return fmt.Sprintf("%d entries written %s (%s), read %s", st.Entries, st.Changed, ago(st.Changed), st.Loaded)
	}
	state := fmt.Sprintf("%d asked (%v each), %d from %d answers kept, %d stale, %d failed", a.Asked,
		time.Duration(a.Seconds*float64(time.Second)).Round(10*time.Microsecond), a.Hits+a.NegativeHits, a.Cached, a.Stale, a.Failures)
	if a.Open {
		state += fmt.Sprintf(", left alone (%d not asked)", a.Refused)
	}
	return state
}
