package queue

import (
	"testing"

	"github.com/postroad/postroad/internal/spool"
)

// TestWindowForgives: a host of which one machine of five is away is not dead,
// however long that lasts; one that answers nobody is.
func TestWindowForgives(t *testing.T) {
	w := newWindow(20)
	for range 1000 {
		for range 4 {
			w.reached(w.size)
		}
		if w.unreachable(epoch, Failure{}, 0.5); w.dead {
			t.Fatal("dead, though four of five attempts reach it")
		}
	}
	n := 0
	for ; !w.dead && n < 100; n++ {
		w.unreachable(epoch, Failure{}, 0.5)
	}
	if n > 20 {
		t.Errorf("dead after %d attempts that reach nobody", n)
	}
}

// TestUntriedSaysNothing: who went on elsewhere before anybody was asked tells
// nothing of the lane's host.
func TestUntriedSaysNothing(t *testing.T) {
	e := ending{result: Result{Recipients: []RecipientResult{{State: spool.Moved}}}}
	if f, _ := e.feedback(); f != FeedbackNone {
		t.Errorf("feedback %d", f)
	}
	e.result.Recipients[0].Remote = "mx.example.net"
	if f, _ := e.feedback(); f != FeedbackReached {
		t.Errorf("feedback %d of a host that said it", f)
	}
}
