package migrate

import (
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/table"
)

// moves is the content of the journal as a table: key an address, value its side;
// key "@domain", value the most that its share may be. It never changes.
type moves struct {
	answers map[string]table.Answer
	domains map[string]mail.Domain // of addresses
}

// Lookup answers key.
func (m *moves) Lookup(key string) table.Answer {
	if a, ok := m.answers[key]; ok {
		return a
	}
	return table.Answer{Status: table.NotFound}
}

// Whole is false: keys are plain.
func (m *moves) Whole() bool { return false }

// Len is the number of entries.
func (m *moves) Len() int { return len(m.answers) }

// Each calls f for each entry, in no order, until it returns false.
func (m *moves) Each(f func(key string, a table.Answer) bool) {
	for key, a := range m.answers {
		if !f(key, a) {
			return
		}
	}
}

func (m *moves) clone() *moves {
	return &moves{answers: maps.Clone(m.answers), domains: maps.Clone(m.domains)}
}

// apply writes an entry into m, which nobody else has yet.
func (m *moves) apply(e Entry) {
	source := fmt.Sprintf("%s by %s", e.When.UTC().Format(time.RFC3339), e.By)
	side := decide.SideNew
	switch e.Action {
	case ActionPause:
		most := strconv.FormatFloat(e.Most, 'g', -1, 64)
		m.answers["@"+string(e.Domain)] = table.Answer{Status: table.Found, Values: []string{most}, Source: source}
		return
	case ActionResume:
		delete(m.answers, "@"+string(e.Domain))
		return
	case ActionRollback:
		side = decide.SideOld
	}
	for _, key := range e.Addresses {
		m.answers[key] = table.Answer{Status: table.Found, Values: []string{side.String()}, Source: source}
		m.domains[key] = e.Domain
	}
}
