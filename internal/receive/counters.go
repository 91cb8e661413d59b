package receive

import "sync/atomic"

// Counters are what the sessions of a Server have done since its start. They may
// be read at any time.
type Counters struct {
	Connections    atomic.Int64 // accepted by a listener
	TurnedAway     atomic.Int64 // of these, over a limit or not allowed in
	Sessions       atomic.Int64 // open now
	Transactions   atomic.Int64 // MAIL commands accepted
	Messages       atomic.Int64 // accepted and durable
	Recipients     atomic.Int64 // of these messages
	Bytes          atomic.Int64 // of these messages
	RefusedTemp    atomic.Int64 // replies 4xx to MAIL, RCPT and data
	RefusedPerm    atomic.Int64 // replies 5xx to MAIL, RCPT and data
	AuthSucceeded  atomic.Int64
	AuthFailed     atomic.Int64
	AuthThrottled  atomic.Int64 // not looked at, after too many failures
	HandshakeFails atomic.Int64
	Timeouts       atomic.Int64
	Panics         atomic.Int64
}

// refused counts a refusal by its class.
func (c *Counters) refused(code int) {
	if code >= 500 {
		c.RefusedPerm.Add(1)
	} else if code >= 400 {
		c.RefusedTemp.Add(1)
	}
}
