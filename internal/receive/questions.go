package receive

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/table"
)

// maxRounds bounds how often a decision may ask for more: an alias chain of the
// greatest depth, each link in a remote table, and as much again for the rest.
const maxRounds = 64

// maxQuestionsAtOnce bounds the look-ups that run side by side.
const maxQuestionsAtOnce = 32

var (
	errRounds  = errors.New("receive: a decision asked too often")
	errNoTable = errors.New("receive: no such remote table")
)

// answer calls once until it needs nothing more, and looks up what it needs. An
// error means that it cannot be decided now.
func (t *Transaction) answer(ctx context.Context, once func() []decide.Question) error {
	needs := once()
	if len(needs) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, t.acceptor.lookups)
	defer cancel()
	for range maxRounds {
		t.ask(ctx, needs)
		if needs = once(); len(needs) == 0 {
			return nil
		}
	}
	return &mail.Error{Op: "receive.answer", Cause: errRounds,
		Reply: mail.Reply{Code: 451, Enhanced: "4.3.0", Text: "cannot decide now, try again later"}}
}

// ask looks all questions up side by side and remembers the answers. It returns
// when all are there; a table that does not answer in time answers TryLater.
func (t *Transaction) ask(ctx context.Context, needs []decide.Question) {
	if t.memo.Answers == nil {
		t.memo.Answers = make(map[decide.Question]table.Answer, len(needs))
	}
	var known sync.Mutex // guards memo.Answers
	slots := make(chan struct{}, maxQuestionsAtOnce)
	var wg sync.WaitGroup
	for id, batch := range t.batches(needs) {
		for _, keys := range batch {
			slots <- struct{}{}
			wg.Go(func() {
				defer func() { <-slots }()
				answers := t.lookup(ctx, id, keys)
				known.Lock()
				defer known.Unlock()
				for i, key := range keys {
					t.memo.Answers[decide.Question{Table: id, Key: key}] = answers[i]
				}
			})
		}
	}
	wg.Wait()
}

// batches are the keys for each table that are asked together: all of them where
// the table can, else each by itself.
func (t *Transaction) batches(needs []decide.Question) map[decide.TableID][][]string {
	out := make(map[decide.TableID][][]string)
	for _, q := range needs {
		batch := out[q.Table]
		if _, can := t.remote(q.Table).(table.Batch); can && len(batch) > 0 {
			batch[0] = append(batch[0], q.Key)
			continue
		}
		out[q.Table] = append(batch, []string{q.Key})
	}
	return out
}

// remote gives the source of a table, nil when there is none.
func (t *Transaction) remote(id decide.TableID) table.Source {
	if int(id) < 0 || int(id) >= len(t.gen.View) {
		return nil
	}
	return t.gen.View[id].Remote
}

// lookup asks one table. A driver that panics answers TryLater.
func (t *Transaction) lookup(ctx context.Context, id decide.TableID, keys []string) (answers []table.Answer) {
	defer func() {
		if r := recover(); r != nil {
			t.acceptor.counters.Panics.Add(1)
			answers = failed(keys, fmt.Errorf("receive: table panicked: %v", r))
		}
	}()
	source := t.remote(id)
	if b, can := source.(table.Batch); can {
		return b.LookupAll(ctx, keys)
	}
	if source == nil {
		return failed(keys, errNoTable)
	}
	for _, key := range keys {
		answers = append(answers, source.Lookup(ctx, key))
	}
	return answers
}

// failed answers all keys with TryLater.
func failed(keys []string, cause error) []table.Answer {
	answers := make([]table.Answer, len(keys))
	for i := range answers {
		answers[i] = table.Answer{Status: table.TryLater, Cause: cause}
	}
	return answers
}
