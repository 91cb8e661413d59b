package receive

import (
	"errors"
	"testing"
)

// TestHeaderMemory: endless headers of many clients share a bounded memory, the
// next one hears 452, and what was taken comes back.
func TestHeaderMemory(t *testing.T) {
	a := &Acceptor{}
	open := func() *Body { return &Body{t: &Transaction{acceptor: a}, head: a.borrow()} }
	line := make([]byte, 1<<10)
	for i := range line {
		line[i] = 'x'
	}
	var all []*Body
	var err error
	for err == nil && len(all) < 10_000 {
		b := open()
		all = append(all, b)
		for n := 0; err == nil && n < 200; n++ {
			_, err = b.Write(line)
		}
	}
	if !errors.Is(err, errHeaderMemory) {
		t.Fatalf("after %d headers of 200 KB: %v", len(all), err)
	}
	if n := len(all) * 200 << 10; n < headerMemory || n > 2*headerMemory {
		t.Errorf("refused after %d octets, the memory is %d", n, headerMemory)
	}
	if _, err := open().Write(line); err != nil {
		t.Errorf("a usual header meanwhile: %v", err)
	}
	for _, b := range all {
		b.release()
	}
	if left := a.headers.Load(); left != 0 {
		t.Errorf("%d octets are lost", left)
	}
}
