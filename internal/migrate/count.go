package migrate

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/durable"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/table"
)

// Tell counts what became of mail. It does not block: what comes faster than it
// can be counted is lost to the numbers.
func (b *Book) Tell(e Event) {
	select {
	case b.events <- e:
	default:
		b.lost.Add(1)
	}
}

// run counts until the book is closed.
func (b *Book) run(ctx context.Context) {
	defer close(b.done)
	tick := time.NewTicker(tallyEvery)
	defer tick.Stop()
	for {
		select {
		case e := <-b.events:
			b.count(e)
		case <-tick.C:
			if err := b.save(); err != nil {
				b.o.Log.Error("numbers of migrations cannot be written", "error", err)
			}
		case <-ctx.Done():
			b.drain()
			return
		}
	}
}

// drain counts what is waiting.
func (b *Book) drain() {
	for {
		select {
		case e := <-b.events:
			b.count(e)
		default:
			return
		}
	}
}

func (b *Book) count(e Event) {
	b.mu.Lock()
	why := b.tally(e.Domain).count(b.o.Now(), e)
	b.dirty = true
	b.mu.Unlock()
	if why != "" {
		b.pause(e, "at the "+e.Side.String()+" side "+why)
	}
}

// tally gives the numbers of a domain. The caller holds mu.
func (b *Book) tally(d mail.Domain) *tally {
	t := b.tallies[d]
	if t == nil {
		t = &tally{}
		b.tallies[d] = t
	}
	return t
}

// pause stops a cut-over where it is, once.
func (b *Book) pause(e Event, why string) {
	if b.Table().Lookup("@"+string(e.Domain)).Status == table.Found {
		return
	}
	b.pauses.Add(1)
	b.o.Log.Error("migration paused", "domain", string(e.Domain), "side", e.Side.String(), "why", why)
	err := b.record(Entry{By: "guard", Action: ActionPause, Domain: e.Domain, Most: e.Percent, Why: why})
	if err != nil {
		b.o.Log.Error("the pause of a migration cannot be recorded", "domain", string(e.Domain), "error", err)
	}
}

// save writes the numbers when they have changed.
func (b *Book) save() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.dirty {
		return nil
	}
	data, err := json.Marshal(b.tallies)
	if err != nil {
		return err
	}
	b.dirty = false
	name := b.o.FS.PathJoin(b.o.Dir, tallyName)
	return durable.Replace(b.o.FS, name, name+".new", data)
}

// Close counts what is waiting and writes the numbers.
func (b *Book) Close() error {
	b.stop()
	<-b.done
	return errors.Join(b.save(), b.journal.close())
}

// Counters of a book since it was opened.
type Counters struct {
	Pauses int64 // cut-overs that the guard paused
	Lost   int64 // events that were not counted
}

// Counters gives them.
func (b *Book) Counters() Counters {
	return Counters{Pauses: b.pauses.Load(), Lost: b.lost.Load()}
}

// Account is what the book knows of a domain.
type Account struct {
	Moved   []string `json:"moved"`   // recorded at the new side
	Back    []string `json:"back"`    // recorded at the old side
	Old     Side     `json:"old"`     // what was seen of each side
	New     Side     `json:"new"`     //
	OnlyOld []string `json:"onlyOld"` // delivered there, unknown to the other side
	OnlyNew []string `json:"onlyNew"`
	Pause   *Entry   `json:"pause,omitempty"`
	History []Entry  `json:"history"`
}

// Account gives what is known of a domain now.
func (b *Book) Account(d mail.Domain) Account {
	out := Account{Moved: []string{}, Back: []string{}, History: b.history(d)}
	m := b.journal.now.Load()
	for key, domain := range m.domains {
		switch a := m.answers[key]; {
		case domain != d || a.Status != table.Found:
		case a.Values[0] == decide.SideNew.String():
			out.Moved = append(out.Moved, key)
		default:
			out.Back = append(out.Back, key)
		}
	}
	slices.Sort(out.Moved)
	slices.Sort(out.Back)
	if e, paused := b.paused(d); paused {
		out.Pause = &e
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.tally(d)
	out.Old, out.New = *t.Sides.at(decide.SideOld), *t.Sides.at(decide.SideNew)
	out.OnlyOld, out.OnlyNew = t.onlyAt(decide.SideOld), t.onlyAt(decide.SideNew)
	return out
}
