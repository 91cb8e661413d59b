package queue

import (
	"testing"
	"time"
)

// TestExpectedDues: a lane remembers the next dues, in order and each once.
func TestExpectedDues(t *testing.T) {
	l := &lane{}
	for range 2 {
		for i := range 2 * maxDues {
			l.expect(epoch.Add(time.Duration(2*maxDues-i) * time.Second))
		}
	}
	if len(l.dues) != maxDues {
		t.Fatalf("%d dues are remembered", len(l.dues))
	}
	for i, due := range l.dues {
		if want := epoch.Add(time.Duration(i+1) * time.Second); !due.Equal(want) {
			t.Errorf("due %d is %v, want %v", i, due, want)
		}
	}
}
