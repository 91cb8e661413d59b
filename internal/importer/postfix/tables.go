package postfix

import (
	"fmt"
	"strings"
)

// Entry is one line of a table.
type Entry struct {
	Key   string
	Value string
	Line  int // 0: stands in main.cf
}

// name is the key without case.
func (e Entry) name() string { return strings.ToLower(e.Key) }

// Table is one table that main.cf names, read from its text source.
type Table struct {
	spec
	Shown   string // how places name it: "virtual"
	Entries []Entry
	Rules   []Rule         // of regexp and pcre
	index   map[string]int // folded key → first entry
	static  *string
	union   []*Table
	pipe    []*Table
	Why     string // not empty: cannot be read, and why
}

// Place is "virtual:12", or the table where the line says nothing.
func (t *Table) Place(line int) string {
	if line == 0 {
		return t.Shown
	}
	return fmt.Sprintf("%s:%d", t.Shown, line)
}

// parseEntries reads "key value" lines as postmap(1) does.
func parseEntries(text string) []Entry {
	var out []Entry
	for _, l := range logicalLines(text) {
		key, value := cutEntry(l.text)
		if key == "" || value == "" {
			continue // postmap warns and goes on
		}
		out = append(out, Entry{Key: key, Value: value, Line: l.number})
	}
	return out
}

// cutEntry splits at the first white space outside quotes, which stay with the
// key.
func cutEntry(line string) (key, value string) {
	if i := indexUnquoted(line, " \t"); i >= 0 {
		return line[:i], strings.TrimSpace(line[i:])
	}
	return line, ""
}

// indexUnquoted gives the place of the first of some octets outside quotes, or -1.
func indexUnquoted(s, octets string) int {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && strings.IndexByte(octets, c) >= 0:
			return i
		}
	}
	return -1
}

// keyed makes the index. Of two entries with one key the first counts, as for
// postmap, which warns of the second.
func (t *Table) keyed() {
	t.index = make(map[string]int, len(t.Entries))
	kept := t.Entries[:0]
	for _, e := range t.Entries {
		key := strings.ToLower(e.Key)
		if _, twice := t.index[key]; twice {
			continue
		}
		t.index[key] = len(kept)
		kept = append(kept, e)
	}
	t.Entries = kept
}

// find answers one key. whole tells that the key is not a part of another one:
// tables of patterns are asked for these only.
func (t *Table) find(key string, whole bool) (Entry, bool) {
	switch {
	case t.Why != "":
		return Entry{}, false
	case t.static != nil:
		return Entry{Key: key, Value: *t.static}, true
	case t.isPattern():
		if !whole {
			return Entry{}, false
		}
		return findRule(t.Rules, key)
	case t.kind == "unionmap":
		return t.findAll(key, whole)
	case t.kind == "pipemap":
		return t.findThrough(key, whole)
	}
	i, ok := t.index[strings.ToLower(key)]
	if !ok {
		return Entry{}, false
	}
	return t.Entries[i], true
}

// findAll joins what all tables of a unionmap say.
func (t *Table) findAll(key string, whole bool) (Entry, bool) {
	var values []string
	for _, part := range t.union {
		if e, ok := part.find(key, whole); ok {
			values = append(values, e.Value)
		}
	}
	return Entry{Key: key, Value: strings.Join(values, ",")}, len(values) > 0
}

// findThrough asks each table of a pipemap for what the one before said.
func (t *Table) findThrough(key string, whole bool) (Entry, bool) {
	e := Entry{Key: key, Value: key}
	for _, part := range t.pipe {
		next, ok := part.find(e.Value, whole)
		if !ok {
			return Entry{}, false
		}
		e.Value = next.Value
	}
	return e, len(t.pipe) > 0
}

// Tables are the tables of one parameter, in their order.
type Tables struct {
	Parameter string
	List      []*Table
}

// find asks all tables for one key.
func (ts Tables) find(key string, whole bool) (Entry, *Table, bool) {
	for _, t := range ts.List {
		if e, ok := t.find(key, whole); ok {
			return e, t, true
		}
	}
	return Entry{}, nil, false
}

// IsEmpty tells that the parameter names no table.
func (ts Tables) IsEmpty() bool { return len(ts.List) == 0 }
