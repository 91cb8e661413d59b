package server

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/postroad/postroad/internal/explain"
	"github.com/postroad/postroad/internal/server/control"
	"github.com/postroad/postroad/internal/table/remote"
)

// tables are the versions that an answer came from.
func (b backend) tables(now time.Time) []explain.Table {
	var out []explain.Table
	for _, st := range b.current.Load().tables.Status() {
		t := explain.Table{Name: st.Name, Entries: st.Entries}
		if !st.Loaded.IsZero() {
			t.Version = st.Loaded.UTC().Format(time.RFC3339)
			t.Age = now.Sub(st.Loaded).Round(time.Second).String()
			t.Changed = st.Changed.UTC().Format(time.RFC3339)
		}
		t.Error = textOf(st.Err)
		out = append(out, t)
	}
	for _, s := range b.current.Load().sources {
		st := s.Status()
		out = append(out, explain.Table{Name: st.Name, Version: st.Kind, Error: textOf(st.Err)})
	}
	return out
}

// Ask asks one table of the current generation.
func (b backend) Ask(ctx context.Context, k control.TableKey) (explain.Asked, error) {
	return explain.Ask(ctx, b.Pin(), k.Table, k.Key)
}

// Tables gives the state of the tables of the current generation.
func (b backend) Tables() []control.TableStatus {
	g := b.current.Load()
	out := []control.TableStatus{}
	for _, st := range g.tables.Status() {
		t := control.TableStatus{Name: st.Name, Kind: "file", Entries: st.Entries, Refused: st.Failures, Error: textOf(st.Err)}
		if !st.Loaded.IsZero() {
			t.Loaded, t.Changed = st.Loaded.UTC().Format(time.RFC3339), st.Changed.UTC().Format(time.RFC3339)
		}
		out = append(out, t)
	}
	for _, s := range g.sources {
		out = append(out, askedStatus(s.Status()))
	}
	slices.SortFunc(out, func(a, b control.TableStatus) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func askedStatus(st remote.Status) control.TableStatus {
	c := st.Counts
	a := &control.TableAsked{
		Asked: c.Asked, Hits: c.Hits, NegativeHits: c.NegativeHits, Stale: c.Stale, Failures: c.Failures,
		Refused: c.Refused, Cached: st.Cached, Open: st.Open,
	}
	if c.Latency.Count > 0 {
		a.Seconds = c.Latency.Sum.Seconds() / float64(c.Latency.Count)
	}
	return control.TableStatus{Name: st.Name, Kind: st.Kind, Error: textOf(st.Err), Asked: a}
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
