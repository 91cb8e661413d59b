package migrate

import (
	"maps"
	"slices"
	"time"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

// Side is what was seen of one side of a migration.
type Side struct {
	Delivered int64 `json:"delivered"`
	Unknown   int64 `json:"unknown"` // messages to addresses that it does not know
	Failed    int64 `json:"failed"`  // refused for another reason
}

// Event is what became of one recipient at one side.
type Event struct {
	Domain  mail.Domain
	Address mail.Address
	Side    decide.Side
	State   spool.State // Delivered, Failed; Moved: the other side is asked
	Unknown bool        // Failed, Moved: the side does not know the address
	Only    bool        // Delivered: the other side does not know it
	Percent float64     // the domain's share as configured, where a pause leaves it
}

// onlyMost bounds the addresses of a domain that only one side knows, a side.
const onlyMost = 10000

// tally is the numbers of one domain.
type tally struct {
	Sides  sides[Side]            `json:"sides"`
	Only   sides[map[string]bool] `json:"only"` // addresses that only this side knows
	Guards sides[watch]           `json:"guards"`
}

// count adds an event. Not empty: why it shows a rise.
func (t *tally) count(now time.Time, e Event) string {
	side := t.Sides.at(e.Side)
	switch {
	case e.Unknown:
		side.Unknown++
	case e.State == spool.Delivered:
		side.Delivered++
	default:
		side.Failed++
	}
	key := e.Address.Key()
	t.only(e, key)
	if e.State == spool.Failed && !e.Unknown {
		return "" // says nothing of whether it is known
	}
	return t.Guards.at(e.Side).asked(now, key, e.Unknown)
}

// only notes who is known to one side alone, until the other one takes mail.
func (t *tally) only(e Event, key string) {
	mine, theirs := t.Only.at(e.Side), t.Only.at(decide.SideNew-e.Side)
	switch {
	case e.Only:
		if *mine == nil {
			*mine = map[string]bool{}
		}
		if len(*mine) < onlyMost {
			(*mine)[key] = true
		}
	case e.State == spool.Delivered:
		delete(*theirs, key)
	case e.Unknown:
		delete(*mine, key)
	}
}

// onlyAt lists who is known to one side alone.
func (t *tally) onlyAt(side decide.Side) []string {
	return slices.Sorted(maps.Keys(*t.Only.at(side)))
}
