package spool

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"
)

// TestText: what is written in pieces of any size comes back from any place, and
// its pages are used again.
func TestText(t *testing.T) {
	var m memory
	for _, size := range []int{0, 1, pageSize - 1, pageSize, pageSize + 1, 5*pageSize + 7} {
		r := rand.New(rand.NewPCG(1, uint64(size)))
		want := make([]byte, size)
		for i := range want {
			want[i] = byte(r.Uint32())
		}
		var body text
		for rest := want; len(rest) > 0; {
			n := min(len(rest), 1+r.IntN(2*pageSize))
			body.write(rest[:n], &m)
			rest = rest[n:]
		}
		if body.size() != size || len(body) != (size+pageSize-1)/pageSize {
			t.Errorf("%d octets: %d in %d pages", size, body.size(), len(body))
		}
		for _, off := range []int{0, 1, pageSize - 1, pageSize, pageSize + 1, 3 * pageSize, size - 1, size, size + 1, 10 * pageSize} {
			for _, n := range []int{0, 1, pageSize, size} {
				if off < 0 {
					continue
				}
				p := make([]byte, n)
				p = p[:body.readAt(p, int64(off))]
				if part := want[min(off, size):min(off+n, size)]; !bytes.Equal(p, part) {
					t.Errorf("%d octets: %d of %d at %d, want %d", size, len(p), n, off, len(part))
				}
			}
		}
		m.recycle(body)
	}
}

// TestDraftBudget: a body in memory takes what it needs of the budget and no
// page more, and all comes back.
func TestDraftBudget(t *testing.T) {
	p, _ := freshStore(t, 8)
	d, err := p.Create(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := d.Write(make([]byte, pageSize)); err != nil {
			t.Fatal(err)
		}
	}
	if took := p.opt.Budget - p.memory.free; took != 3*pageSize {
		t.Errorf("three pages take %d octets of the budget", took)
	}
	d.Abort()
	if p.memory.free != p.opt.Budget {
		t.Errorf("%d of %d are free in the end", p.memory.free, p.opt.Budget)
	}
}
