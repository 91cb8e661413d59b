package remote

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/postroad/postroad/internal/table"
)

// flight is one key that is being asked for, by whoever came first, for all who
// wait.
type flight struct {
	key    string
	as     Ask // what the breaker let through
	done   chan struct{}
	answer table.Answer // once done is closed
}

// wait gives the answer, or TryLater when ctx ends first; the flight goes on.
func (f *flight) wait(ctx context.Context) table.Answer {
	select {
	case <-f.done:
		return f.answer
	default:
	}
	select {
	case <-f.done:
		return f.answer
	case <-ctx.Done():
		return later(ctx.Err())
	}
}

// launch asks for the keys of new flights: all at once where the protocol can,
// else each by itself. The caller holds mu.
func (s *Source) launch(fresh []*flight) {
	if _, can := s.asker.(Batcher); can && len(fresh) > 1 {
		s.tasks.Go(func() { s.fly(fresh) })
		return
	}
	for i := range fresh {
		s.tasks.Go(func() { s.fly(fresh[i : i+1]) })
	}
}

// fly asks and settles. It does not outlast the timeout, whatever the Asker does.
func (s *Source) fly(fs []*flight) {
	ctx, cancel := context.WithTimeout(s.ctx, s.opts.Timeout)
	defer cancel()
	keys := make([]string, len(fs))
	for i, f := range fs {
		keys[i] = f.key
	}
	begun := s.opts.Clock()
	answers, err := s.exchange(ctx, keys)
	if err != nil {
		answers = make([]table.Answer, len(fs))
		for i := range answers {
			answers[i] = later(err)
		}
	}
	s.settle(fs, answers, s.opts.Clock().Sub(begun))
}

// exchange waits for a connection and for the Asker. The error says why there
// are no answers.
func (s *Source) exchange(ctx context.Context, keys []string) ([]table.Answer, error) {
	if !s.acquire(ctx) {
		return nil, s.why(ErrBusy)
	}
	out := make(chan []table.Answer, 1)
	go func() {
		defer func() { <-s.slots }()
		out <- s.ask(ctx, keys)
	}()
	select {
	case answers := <-out:
		return answers, nil
	case <-ctx.Done():
		return nil, s.why(ErrTimeout)
	}
}

// acquire takes a connection, unless ctx ends first or has ended.
func (s *Source) acquire(ctx context.Context) bool {
	select {
	case s.slots <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	if ctx.Err() == nil {
		return true
	}
	<-s.slots
	return false
}

// why tells the end of the table from a source that takes too long.
func (s *Source) why(err error) error {
	if s.ctx.Err() != nil {
		return ErrClosed
	}
	return fmt.Errorf("%w (%v)", err, s.opts.Timeout)
}

// ask calls the Asker. A panic costs the answers and nothing else.
func (s *Source) ask(ctx context.Context, keys []string) (answers []table.Answer) {
	defer func() {
		if r := recover(); r != nil {
			answers = make([]table.Answer, len(keys))
			for i := range answers {
				answers[i] = later(fmt.Errorf("remote: table panicked: %v", r))
			}
		}
	}()
	if b, can := s.asker.(Batcher); can && len(keys) > 1 {
		if answers = b.LookupAll(ctx, keys); len(answers) != len(keys) {
			panic(fmt.Sprintf("%d answers to %d keys", len(answers), len(keys)))
		}
		return answers
	}
	for _, k := range keys {
		answers = append(answers, s.asker.Lookup(ctx, k))
	}
	return answers
}

// settle remembers the answers and wakes who waits for them.
func (s *Source) settle(fs []*flight, answers []table.Answer, took time.Duration) {
	now := s.opts.Clock()
	s.mu.Lock()
	before := s.breaker
	s.counts.Asked += int64(len(fs))
	s.counts.Latency.observe(took)
	for i, f := range fs {
		f.answer = s.taken(f, answers[i], now)
		delete(s.flights, f.key)
		close(f.done)
	}
	after := s.breaker
	s.mu.Unlock()
	s.tell(before, after)
}

// tell logs the beginning and the end of troubles, not each failure.
func (s *Source) tell(before, after Breaker) {
	log := s.opts.Log.With("table", s.opts.Name, "kind", s.opts.Kind)
	switch {
	case after.Open() && !before.Open():
		log.Error("table does not answer, it is left alone for a while", "failures", after.failures, "error", after.cause)
	case before.Open() && !after.Open():
		log.Info("table answers again")
	case before.failures == 0 && after.failures > 0:
		log.Warn("table does not answer", "error", after.cause)
	}
}

// taken is what becomes of one answer. The caller holds mu.
func (s *Source) taken(f *flight, a table.Answer, now time.Time) table.Answer {
	if a.Status == table.TryLater {
		s.counts.Failures++
		if errors.Is(a.Cause, ErrKey) {
			s.breaker.Answered()
		} else {
			s.breaker.Failed(now, f.as, a.Cause)
		}
		return s.instead(f.key, a.Cause, now)
	}
	s.breaker.Answered()
	if a.Source == "" {
		a.Source = s.opts.Kind
	}
	ttl := s.opts.TTL
	if a.Status == table.NotFound {
		ttl = s.opts.NegativeTTL
	}
	s.cache.drop(f.key)
	if ttl > 0 || s.opts.Stale > 0 {
		s.cache.put(f.key, a, now.Add(ttl))
	}
	return a
}
