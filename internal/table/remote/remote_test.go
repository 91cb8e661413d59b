package remote

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postroad/postroad/internal/table"
)

// fake is a table that does what a test says.
type fake struct {
	mu     sync.Mutex
	asked  []string
	answer func(ctx context.Context, key string) table.Answer
	closed atomic.Int32
}

func (f *fake) Lookup(ctx context.Context, key string) table.Answer {
	f.mu.Lock()
	f.asked = append(f.asked, key)
	answer := f.answer
	f.mu.Unlock()
	return answer(ctx, key)
}

func (f *fake) Close() error { f.closed.Add(1); return nil }

func (f *fake) set(answer func(context.Context, string) table.Answer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = answer
}

func (f *fake) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.asked)
}

// batch is a fake that answers several keys in one exchange.
type batch struct {
	fake
	exchanges atomic.Int32
}

func (b *batch) LookupAll(ctx context.Context, keys []string) []table.Answer {
	b.exchanges.Add(1)
	var out []table.Answer
	for _, k := range keys {
		out = append(out, b.Lookup(ctx, k))
	}
	return out
}

var errDown = errors.New("down")

// known finds keys that begin with "known".
func known(_ context.Context, key string) table.Answer {
	if strings.HasPrefix(key, "known") {
		return table.Answer{Status: table.Found, Values: []string{key}}
	}
	return table.Answer{Status: table.NotFound}
}

func down(context.Context, string) table.Answer { return later(errDown) }

// stuck does what a source on a stopped machine does: nothing, until ctx ends.
func stuck(ctx context.Context, _ string) table.Answer {
	<-ctx.Done()
	return later(ctx.Err())
}

// open runs f with a Source over a fake, in a bubble of its own.
func open(t *testing.T, o Options, f func(t *testing.T, s *Source, asker *fake)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		asker := &fake{answer: known}
		o.Kind = "fake"
		s := New(asker, o)
		defer s.Close()
		f(t, s, asker)
	})
}

func want(t *testing.T, s *Source, key string, status table.Status) table.Answer {
	t.Helper()
	a := s.Lookup(t.Context(), key)
	if a.Status != status {
		t.Fatalf("%s: %+v, want status %d", key, a, status)
	}
	if a.Status == table.TryLater && a.Cause == nil {
		t.Fatalf("%s: try later without a cause", key)
	}
	return a
}

func TestAnswersServeForTheirTime(t *testing.T) {
	open(t, Options{TTL: time.Minute, NegativeTTL: 10 * time.Second}, func(t *testing.T, s *Source, asker *fake) {
		for range 3 {
			if a := want(t, s, "known", table.Found); a.Source != "fake" || a.Values[0] != "known" {
				t.Errorf("%+v", a)
			}
			want(t, s, "other", table.NotFound)
		}
		if n := asker.count(); n != 2 {
			t.Errorf("asked %d times, want each key once", n)
		}
		time.Sleep(10 * time.Second)
		want(t, s, "known", table.Found)
		want(t, s, "other", table.NotFound)
		if n := asker.count(); n != 3 {
			t.Errorf("asked %d times, want \"not found\" asked anew", n)
		}
		time.Sleep(time.Minute)
		want(t, s, "known", table.Found)
		if n := asker.count(); n != 4 {
			t.Errorf("asked %d times, want the found one asked anew", n)
		}
		if st := s.Status(); st.Counts.Hits != 3 || st.Counts.NegativeHits != 2 || st.Counts.Asked != 4 {
			t.Errorf("%+v", st)
		}
	})
}

func TestWithoutTTLEachLookupAsks(t *testing.T) {
	open(t, Options{}, func(t *testing.T, s *Source, asker *fake) {
		for range 3 {
			want(t, s, "known", table.Found)
		}
		if n := asker.count(); n != 3 {
			t.Errorf("asked %d times", n)
		}
	})
}

func TestChangeOfAnAnswerIsSeen(t *testing.T) {
	open(t, Options{TTL: time.Second, NegativeTTL: time.Second}, func(t *testing.T, s *Source, asker *fake) {
		want(t, s, "known", table.Found)
		asker.set(func(context.Context, string) table.Answer { return table.Answer{Status: table.NotFound} })
		time.Sleep(time.Second)
		want(t, s, "known", table.NotFound)
		asker.set(known)
		want(t, s, "known", table.NotFound)
		time.Sleep(time.Second)
		want(t, s, "known", table.Found)
	})
}

func TestFailureIsTryLaterForAll(t *testing.T) {
	open(t, Options{TTL: time.Minute}, func(t *testing.T, s *Source, asker *fake) {
		asker.set(down)
		for _, key := range []string{"known", "other"} {
			if a := want(t, s, key, table.TryLater); !errors.Is(a.Cause, errDown) {
				t.Errorf("%s: %v", key, a.Cause)
			}
		}
	})
}

func TestStaleAnswersServeWhileItFails(t *testing.T) {
	open(t, Options{TTL: time.Minute, NegativeTTL: time.Minute, Stale: time.Hour}, func(t *testing.T, s *Source, asker *fake) {
		want(t, s, "known", table.Found)
		want(t, s, "other", table.NotFound)
		asker.set(down)
		time.Sleep(30 * time.Minute)
		for range 20 { // with the breaker closed, then open
			if a := want(t, s, "known", table.Found); a.Source != "fake, stale" {
				t.Fatalf("%+v", a)
			}
			want(t, s, "other", table.NotFound)
			want(t, s, "known but never asked", table.TryLater)
		}
		time.Sleep(31 * time.Minute)
		want(t, s, "known", table.TryLater)
		want(t, s, "other", table.TryLater)
	})
}

func TestTimeout(t *testing.T) {
	open(t, Options{Timeout: 2 * time.Second, Connections: 2}, func(t *testing.T, s *Source, asker *fake) {
		var now, most atomic.Int32
		asker.set(func(ctx context.Context, key string) table.Answer {
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			defer now.Add(-1)
			return stuck(ctx, key)
		})
		begun := time.Now()
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() { want(t, s, fmt.Sprintf("known%d", i), table.TryLater) })
		}
		wg.Wait()
		if took := time.Since(begun); took != 2*time.Second {
			t.Errorf("it took %v", took)
		}
		if n := most.Load(); n > 2 {
			t.Errorf("%d asked at once over 2 connections", n)
		}
	})
}

func TestAskerThatIgnoresItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		asker := &fake{answer: func(context.Context, string) table.Answer { <-release; return later(errDown) }}
		s := New(asker, Options{Timeout: time.Second, Connections: 1})
		begun := time.Now()
		if a := want(t, s, "known", table.TryLater); !errors.Is(a.Cause, ErrTimeout) {
			t.Errorf("%v", a.Cause)
		}
		if a := want(t, s, "known", table.TryLater); !errors.Is(a.Cause, ErrBusy) {
			t.Errorf("%v", a.Cause)
		}
		if took := time.Since(begun); took != 2*time.Second {
			t.Errorf("it took %v", took)
		}
		asker.set(known)
		close(release)
		synctest.Wait()
		want(t, s, "known", table.Found)
		s.Close()
	})
}

func TestCallerGivesUp(t *testing.T) {
	open(t, Options{Timeout: time.Minute, TTL: time.Minute}, func(t *testing.T, s *Source, asker *fake) {
		asker.set(func(context.Context, string) table.Answer {
			time.Sleep(10 * time.Second)
			return known(nil, "known")
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if a := s.Lookup(ctx, "known"); a.Status != table.TryLater {
			t.Errorf("%+v", a)
		}
		want(t, s, "known", table.Found) // the same flight
		if n := asker.count(); n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
}

func TestOneKeyIsAskedOnceAtATime(t *testing.T) {
	open(t, Options{}, func(t *testing.T, s *Source, asker *fake) {
		asker.set(func(ctx context.Context, key string) table.Answer {
			time.Sleep(time.Second)
			return known(ctx, key)
		})
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() { want(t, s, "known", table.Found) })
		}
		wg.Wait()
		if n := asker.count(); n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
}

func TestBreaker(t *testing.T) {
	open(t, Options{}, func(t *testing.T, s *Source, asker *fake) {
		asker.set(down)
		for i := range failuresToOpen {
			want(t, s, fmt.Sprint(i), table.TryLater)
		}
		if a := want(t, s, "known", table.TryLater); !errors.Is(a.Cause, ErrOpen) || !errors.Is(a.Cause, errDown) {
			t.Errorf("cause %v", a.Cause)
		}
		if st := s.Status(); !st.Open || st.Counts.Refused != 1 || st.Counts.Asked != failuresToOpen {
			t.Errorf("%+v", st)
		}
		for wait := firstWait; wait <= 2*longestWait; wait *= 2 {
			time.Sleep(min(wait, longestWait) - time.Millisecond)
			asked := asker.count()
			want(t, s, "known", table.TryLater)
			if asker.count() != asked {
				t.Fatalf("asked before %v were over", wait)
			}
			time.Sleep(time.Millisecond)
			want(t, s, "known", table.TryLater)
			want(t, s, "known", table.TryLater)
			if n := asker.count() - asked; n != 1 {
				t.Fatalf("%d probes after %v", n, wait)
			}
		}
		asker.set(known)
		time.Sleep(longestWait)
		want(t, s, "known", table.Found)
		want(t, s, "other", table.NotFound)
		if st := s.Status(); st.Open || st.Err != nil {
			t.Errorf("%+v", st)
		}
	})
}

func TestOneProbeAtATime(t *testing.T) {
	open(t, Options{Timeout: 5 * time.Second}, func(t *testing.T, s *Source, asker *fake) {
		asker.set(down)
		for i := range failuresToOpen {
			want(t, s, fmt.Sprint(i), table.TryLater)
		}
		asker.set(stuck)
		time.Sleep(firstWait)
		asked, begun := asker.count(), time.Now()
		var wg sync.WaitGroup
		wg.Go(func() { want(t, s, "probe", table.TryLater) })
		synctest.Wait()
		for i := range 10 {
			want(t, s, fmt.Sprintf("known%d", i), table.TryLater)
		}
		if time.Since(begun) != 0 || asker.count() != asked+1 {
			t.Errorf("others were asked too, or waited %v", time.Since(begun))
		}
		wg.Wait()
	})
}

// A client who sends keys that the source does not like must not close the table
// to others.
func TestFaultOfAKeyOpensNothing(t *testing.T) {
	open(t, Options{}, func(t *testing.T, s *Source, asker *fake) {
		asker.set(func(ctx context.Context, key string) table.Answer {
			if key == "hostile" {
				return later(fmt.Errorf("%w: %w", ErrKey, errDown))
			}
			return known(ctx, key)
		})
		for range 3 * failuresToOpen {
			want(t, s, "hostile", table.TryLater)
		}
		want(t, s, "known", table.Found)
	})
}

func TestBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asker := &batch{fake: fake{answer: known}}
		s := New(asker, Options{TTL: time.Minute, NegativeTTL: time.Minute})
		defer s.Close()
		want(t, s, "known2", table.Found)
		got := s.LookupAll(t.Context(), []string{"known1", "known2", "other", "known3"})
		for i, status := range []table.Status{table.Found, table.Found, table.NotFound, table.Found} {
			if got[i].Status != status {
				t.Errorf("%d: %+v", i, got[i])
			}
		}
		if n := asker.exchanges.Load(); n != 1 || asker.count() != 4 {
			t.Errorf("%d exchanges, %d keys", n, asker.count())
		}
	})
}

func TestBatchWithTheWrongNumberOfAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(short{&fake{answer: known}}, Options{})
		defer s.Close()
		for _, a := range s.LookupAll(t.Context(), []string{"known1", "known2"}) {
			if a.Status != table.TryLater {
				t.Errorf("%+v", a)
			}
		}
	})
}

type short struct{ *fake }

func (short) LookupAll(context.Context, []string) []table.Answer { return nil }

func TestPanicIsTryLater(t *testing.T) {
	open(t, Options{}, func(t *testing.T, s *Source, asker *fake) {
		asker.set(func(context.Context, string) table.Answer { panic("defect") })
		want(t, s, "known", table.TryLater)
		asker.set(known)
		want(t, s, "known", table.Found)
	})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asker := &fake{answer: stuck}
		s := New(asker, Options{Timeout: time.Hour})
		var wg sync.WaitGroup
		wg.Go(func() {
			if a := want(t, s, "known", table.TryLater); !errors.Is(a.Cause, ErrClosed) && !errors.Is(a.Cause, context.Canceled) {
				t.Errorf("%v", a.Cause)
			}
		})
		synctest.Wait()
		for range 2 {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
		wg.Wait()
		if a := want(t, s, "known", table.TryLater); !errors.Is(a.Cause, ErrClosed) {
			t.Errorf("%v", a.Cause)
		}
		if asker.closed.Load() != 1 {
			t.Errorf("closed %d times", asker.closed.Load())
		}
	})
}

// Guesses of a client push out the answers to guesses, not to what is there.
func TestCacheIsBounded(t *testing.T) {
	open(t, Options{TTL: time.Hour, NegativeTTL: time.Hour, Cache: 64 << 10}, func(t *testing.T, s *Source, asker *fake) {
		for i := range 50 {
			want(t, s, fmt.Sprintf("known%d", i), table.Found)
		}
		for i := range 5000 {
			want(t, s, fmt.Sprintf("guess%d", i), table.NotFound)
		}
		asked := asker.count()
		for i := range 50 {
			want(t, s, fmt.Sprintf("known%d", i), table.Found)
		}
		if asker.count() != asked {
			t.Errorf("%d found answers were pushed out", asker.count()-asked)
		}
		want(t, s, "known"+strings.Repeat("x", 64<<10), table.Found)
		if st := s.Status(); st.Cached > 64<<10/entryCost {
			t.Errorf("%d answers kept", st.Cached)
		}
	})
}

func TestLatency(t *testing.T) {
	open(t, Options{}, func(t *testing.T, s *Source, asker *fake) {
		asker.set(func(ctx context.Context, key string) table.Answer {
			time.Sleep(20 * time.Millisecond)
			return known(ctx, key)
		})
		want(t, s, "known", table.Found)
		l := s.Status().Counts.Latency
		if l.Count != 1 || l.Sum != 20*time.Millisecond || l.Buckets[2] != 1 {
			t.Errorf("%+v", l)
		}
	})
}

// The log names the table when it goes and when it is back, not each time.
func TestLog(t *testing.T) {
	var b strings.Builder
	log := slog.New(slog.NewTextHandler(&b, nil))
	open(t, Options{Name: "users", Log: log}, func(t *testing.T, s *Source, asker *fake) {
		asker.set(down)
		for i := range 5 * failuresToOpen {
			want(t, s, fmt.Sprint(i), table.TryLater)
		}
		asker.set(known)
		time.Sleep(longestWait)
		want(t, s, "known", table.Found)
		want(t, s, "known", table.Found)
	})
	if n := strings.Count(b.String(), "table=users"); n != 3 || !strings.Contains(b.String(), "answers again") || !strings.Contains(b.String(), "error=down") {
		t.Errorf("%d lines:\n%s", n, b.String())
	}
}

func BenchmarkCached(b *testing.B) {
	s := New(&fake{answer: known}, Options{TTL: time.Hour})
	defer s.Close()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			s.Lookup(b.Context(), "known")
		}
	})
}
