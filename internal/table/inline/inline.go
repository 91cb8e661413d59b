// Package inline is the content of tables that stand in the configuration
// itself: a set or a map, immutable, a Go map underneath.
//
// It reads nothing and knows no syntax; config hands it the entries. Keys are
// compared in the form of table.Key.
package inline

import "github.com/postroad/postroad/internal/table"

// Entry is one key with its values (none in a set) and the place where it stands.
type Entry struct {
	Key    string
	Values []string
	Source string
}

// Table is the content; it satisfies table.Resident.
type Table struct{ answers map[string]table.Answer }

// New builds the content. Of two entries with one key the first counts; config
// reports the second.
func New(entries []Entry) *Table {
	t := &Table{answers: make(map[string]table.Answer, len(entries))}
	for _, e := range entries {
		key := table.Key(e.Key)
		if _, twice := t.answers[key]; twice {
			continue
		}
		t.answers[key] = table.Answer{Status: table.Found, Values: e.Values, Source: e.Source}
	}
	return t
}

// Lookup answers key.
func (t *Table) Lookup(key string) table.Answer {
	if a, ok := t.answers[key]; ok {
		return a
	}
	return table.Answer{Status: table.NotFound}
}

// Whole is false: keys are plain.
func (t *Table) Whole() bool { return false }

// Len is the number of entries.
func (t *Table) Len() int { return len(t.answers) }

// Each calls f for each entry, in no order, until it returns false.
func (t *Table) Each(f func(key string, a table.Answer) bool) {
	for key, a := range t.answers {
		if !f(key, a) {
			return
		}
	}
}
