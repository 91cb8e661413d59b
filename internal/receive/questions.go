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
	answers := make([]table.Answer, len(needs))
	slots := make(chan struct{}, maxQuestionsAtOnce)
	var wg sync.WaitGroup
	for i, q := range needs {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			answers[i] = t.lookup(ctx, q)
		})
	}
	wg.Wait()
	if t.memo.Answers == nil {
		t.memo.Answers = make(map[decide.Question]table.Answer, len(needs))
	}
	for i, q := range needs {
		t.memo.Answers[q] = answers[i]
	}
}

// lookup asks one table. A driver that panics answers TryLater.
func (t *Transaction) lookup(ctx context.Context, q decide.Question) (a table.Answer) {
	defer func() {
		if r := recover(); r != nil {
			t.acceptor.counters.Panics.Add(1)
			a = table.Answer{Status: table.TryLater, Cause: fmt.Errorf("receive: table panicked: %v", r)}
		}
	}()
	if int(q.Table) < 0 || int(q.Table) >= len(t.gen.View) || t.gen.View[q.Table].Remote == nil {
		return table.Answer{Status: table.TryLater, Cause: errNoTable}
	}
	return t.gen.View[q.Table].Remote.Lookup(ctx, q.Key)
}
