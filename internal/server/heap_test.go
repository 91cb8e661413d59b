package server

import (
	"context"
	"math"
	"runtime/debug"
	"testing"
	"testing/synctest"
)

// What little lives is held to the floor; large tables get nearly what the
// collector would give them.
func TestHeapLimit(t *testing.T) {
	for _, c := range []struct{ live, limit int64 }{
		{0, 192}, {96, 192}, {120, 216}, {160, 256}, {800, 1536},
	} {
		if got := heapLimit(c.live << 20); got != c.limit<<20 {
			t.Errorf("%d MB live: limit of %d MB, not %d", c.live, got>>20, c.limit)
		}
	}
}

// HoldMemory leaves alone what GOMEMLIMIT said, and takes its own limit back.
func TestHoldMemory(t *testing.T) {
	if debug.SetMemoryLimit(-1) != math.MaxInt64 {
		t.Skip("GOMEMLIMIT is set")
	}
	defer debug.SetMemoryLimit(math.MaxInt64)
	for _, c := range []struct{ before, within int64 }{{math.MaxInt64, heapFloor}, {1 << 30, 1 << 30}} {
		debug.SetMemoryLimit(c.before)
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			go HoldMemory(ctx)
			synctest.Wait()
			if got := debug.SetMemoryLimit(-1); got != c.within {
				t.Errorf("limit of %d, not %d", got, c.within)
			}
			cancel()
			synctest.Wait()
			if got := debug.SetMemoryLimit(-1); got != c.before {
				t.Errorf("limit of %d afterwards, not %d", got, c.before)
			}
		})
	}
}
