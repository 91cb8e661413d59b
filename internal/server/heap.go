package server

import (
	"context"
	"math"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	heapFloor = 192 << 20 // what the collector may let grow without a reason
	heapRoom  = 96 << 20  // that it has always, so that it does not run all the time
	heapEvery = time.Second
)

// HoldMemory bounds what this process has of memory without using it until ctx ends:
// what lies free in malloc goes back to the kernel each heapEvery, and the garbage
// collector has a limit. By itself it lets the heap double, and the memory of a busy
// queue is in its use then once for what lives and once for what does not. With
// GOMEMLIMIT or GOGC whoever started the process has decided, and the collector is
// let alone.
func HoldMemory(ctx context.Context) {
	var lying trimmer
	hold, release := holdHeap()
	defer release()
	tick := time.NewTicker(heapEvery)
	defer tick.Stop()
	for {
		hold()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			lying.trim()
		}
	}
}

// holdHeap gives what sets the collector's limit by what lives now, and what takes
// it back.
func holdHeap() (hold, release func()) {
	samples := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}, {Name: "/gc/gogc:percent"},
	}
	metrics.Read(samples)
	if debug.SetMemoryLimit(-1) != math.MaxInt64 || samples[2].Value.Uint64() != 100 {
		return func() {}, func() {}
	}
	var limit int64
	hold = func() {
		metrics.Read(samples)
		if next := heapLimit(int64(samples[0].Value.Uint64() + samples[1].Value.Uint64())); next != limit {
			limit = next
			debug.SetMemoryLimit(limit)
		}
	}
	return hold, func() { debug.SetMemoryLimit(math.MaxInt64) }
}

// heapLimit is the limit while so many octets live. It grows with them and ends
// as the collector's own measure less heapFloor/3: large tables are no reason to
// collect more often.
func heapLimit(live int64) int64 {
	return max(heapFloor, live+heapRoom, 2*live-heapFloor/3)
}
