package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/table"
)

// subject is what the analyses look at.
type subject struct {
	rules    *decide.Rules
	snapshot *decide.Snapshot
	view     table.View // content of the tables as far as it is there
	notes    []string   // what the analyses could not see
}

// note says once what an analysis could not see.
func (s *subject) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(s.notes, text) {
		s.notes = append(s.notes, text)
	}
}

// analysis is one kind of warning.
type analysis func(*subject) []Finding

func analyses() []analysis {
	return []analysis{
		shadowedRules, deniedRules, contradictions,
		noWayIn, noWayOut, leavesElsewhere, aliasCycles,
		unusedTables, unusedTransports, backscatter,
	}
}

func (s *subject) run() []Finding {
	var out []Finding
	for _, a := range analyses() {
		out = append(out, a(s)...)
	}
	return sortFindings(out)
}

// lister is a table.Resident that can tell its entries; one that tests patterns
// cannot.
type lister interface {
	// Each calls f for each entry, in no order, until it returns false.
	Each(f func(key string, a table.Answer) bool)
}

// content gives a table's content, or nil when it is not in memory.
func (s *subject) content(id decide.TableID) table.Resident {
	if id < 0 || int(id) >= len(s.view) {
		return nil
	}
	return s.view[id].Content
}

// knownEmpty tells whether a table is in memory and has nothing in it.
func (s *subject) knownEmpty(id decide.TableID) bool {
	c := s.content(id)
	return c != nil && c.Len() == 0
}

// isThere tells whether a table has content, or is asked for it.
func (s *subject) isThere(id decide.TableID) bool {
	return id >= 0 && int(id) < len(s.view) && (s.view[id].Content != nil || s.view[id].Remote != nil)
}

// eachEntry goes through the entries of a table and tells whether it could.
func (s *subject) eachEntry(id decide.TableID, f func(key string, values []string, source string)) bool {
	l, ok := s.content(id).(lister)
	if !ok {
		return false
	}
	l.Each(func(key string, a table.Answer) bool {
		f(key, a.Values, a.Source)
		return true
	})
	return true
}

// namedByTable adds the transports that the values of a route's transport(5) table
// name, and tells whether they could be listed.
func (s *subject) namedByTable(r decide.Route, used map[string]bool) bool {
	return s.eachEntry(r.Lookup, func(_ string, values []string, _ string) {
		for _, v := range values {
			name, _, _ := strings.Cut(v, ":")
			name = strings.TrimSpace(name)
			used[name], used[decide.Scoped(r.Tenant, name)] = true, true
		}
	})
}
