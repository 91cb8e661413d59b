package receive

import (
	"runtime"
	"runtime/debug"
	"sync"
)

const (
	// crowdRecipients are enough that the decision on them is megabytes.
	crowdRecipients = 5000
	// crowdGarbage is the share of memory in use that may be garbage meanwhile, in
	// per cent.
	crowdGarbage = 10
)

// crowds has memory collected early while messages to very many are decided and
// stored: the decision on 50 000 recipients is 50 MB, and as much garbage as that
// would be more than all of the server else. It is rare enough to be worth the
// time.
type crowds struct {
	mu     sync.Mutex // guards what follows
	under  int        // such messages
	before int        // per cent, as it was
}

// begin is for a message to n recipients; the caller calls what it gets at the end.
func (c *crowds) begin(n int) (end func()) {
	if n < crowdRecipients {
		return func() {}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.under++; c.under == 1 {
		c.before = debug.SetGCPercent(crowdGarbage)
	}
	return c.end
}

func (c *crowds) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.under--; c.under == 0 {
		runtime.GC() // else the next one would wait until twice of what was in use grew
		debug.SetGCPercent(c.before)
	}
}
