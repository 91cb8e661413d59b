package directory

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// scripted is a backend that answers by name, and counts how often it was asked.
type scripted struct {
	asked int
	down  bool
}

func (s *scripted) verify(ctx context.Context, a Attempt) (string, error) {
	s.asked++
	switch {
	case a.Name == "left": // the client goes while its answer is awaited
		<-ctx.Done()
		return "", ctx.Err()
	case s.down:
		return "", context.DeadlineExceeded
	case a.Name == "broken":
		return "", oddAnswer{errRows}
	case a.Password != "password":
		return "", ErrWrong
	}
	return a.Name, nil
}

func (s *scripted) close() {}

// A server that does not answer is left alone after five failures in a row, for
// known and unknown names alike, and then tried with one.
func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{down: true}
		b := newBounded(s, 4, 0)
		unanswered := func(what string, asked int) {
			t.Helper()
			for _, name := range []string{"ann", "nobody"} {
				if _, err := b.verify(t.Context(), Attempt{Name: name, Password: "password"}); err == nil || errors.Is(err, ErrWrong) {
					t.Errorf("%s: %v", what, err)
				}
			}
			if s.asked != asked {
				t.Errorf("%s: asked %d times, want %d", what, s.asked, asked)
			}
		}
		unanswered("at first", 2)
		unanswered("still", 4)
		unanswered("the fifth opens it", 5)
		unanswered("open", 5)
		time.Sleep(1100 * time.Millisecond)
		unanswered("one tries", 6)
		s.down = false
		unanswered("not before its time", 6)
		time.Sleep(2100 * time.Millisecond)
		for range 3 {
			if _, err := b.verify(t.Context(), Attempt{Name: "ann", Password: "password"}); err != nil {
				t.Errorf("there again: %v", err)
			}
		}
	})
}

// An account that is broken, and a client that goes, say nothing of the server:
// neither shuts the others out.
func TestBreakerStaysClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{}
		b := newBounded(s, 4, 0)
		for range 20 {
			if _, err := b.verify(t.Context(), Attempt{Name: "broken", Password: "password"}); !errors.Is(err, errRows) {
				t.Error(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Millisecond, cancel)
			_, _ = b.verify(ctx, Attempt{Name: "left", Password: "password"})
		}
		if _, err := b.verify(t.Context(), Attempt{Name: "ann", Password: "password"}); err != nil {
			t.Error(err)
		}

		s.down = true
		for range 5 {
			_, _ = b.verify(t.Context(), Attempt{Name: "ann", Password: "password"})
		}
		time.Sleep(1100 * time.Millisecond)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		_, _ = b.verify(ctx, Attempt{Name: "left", Password: "password"}) // who tries goes
		s.down = false
		if _, err := b.verify(t.Context(), Attempt{Name: "ann", Password: "password"}); err != nil {
			t.Errorf("the next one does not try: %v", err)
		}
	})
}
