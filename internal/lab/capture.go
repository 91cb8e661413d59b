package lab

import (
	"crypto/tls"
	"fmt"
	"sync"
	"time"
)

// Recipient of a captured message.
type Recipient struct {
	Address string   // between the angle brackets, as it came
	Params  []string // "NOTIFY=NEVER", as they came
	Reply   string   // LMTP: the reply for this recipient after the data
}

// Message is one transaction whose data arrived in full.
type Message struct {
	Receiver     string // Config.Name
	Remote       string // client, "127.0.0.1:40000"
	Connection   int    // of the receiver, from 1
	Protocol     string // "SMTP", "ESMTP", "LMTP"
	Helo         string
	Login        string
	TLS          *tls.ConnectionState // nil: in the clear
	Sender       string               // between the angle brackets
	SenderParams []string
	Recipients   []Recipient
	Data         []byte // dots taken off, CRLF as they came, without the final dot
	At           time.Time
	Reply        string // to the data; LMTP: the first
	Accepted     bool   // LMTP: for one recipient at least
}

// To lists the addresses of the recipients that were accepted in the end.
func (m Message) To() []string {
	var out []string
	for _, r := range m.Recipients {
		if r.Reply == "" || r.Reply[0] == '2' {
			out = append(out, r.Address)
		}
	}
	return out
}

// Capture keeps what arrived. All methods may be called at any time.
type Capture struct {
	parent *Capture // gets everything too; may be nil

	mu       sync.Mutex // guards what follows
	all      []Message
	accepted int
	changed  chan struct{} // closed and replaced at every message
}

func newCapture(parent *Capture) *Capture {
	return &Capture{parent: parent, changed: make(chan struct{})}
}

func (c *Capture) add(m Message) {
	c.mu.Lock()
	c.all = append(c.all, m)
	if m.Accepted {
		c.accepted++
	}
	close(c.changed)
	c.changed = make(chan struct{})
	c.mu.Unlock()
	if c.parent != nil {
		c.parent.add(m)
	}
}

// Messages gives those that were accepted, in the order of their arrival.
func (c *Capture) Messages() []Message { return c.pick(true) }

// Refused gives those whose data was refused.
func (c *Capture) Refused() []Message { return c.pick(false) }

func (c *Capture) pick(accepted bool) []Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []Message
	for _, m := range c.all {
		if m.Accepted == accepted {
			out = append(out, m)
		}
	}
	return out
}

// Len is the number of messages accepted.
func (c *Capture) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.accepted
}

// WaitMessages waits until n messages were accepted and gives all of them, or
// what there is and an error when the time is over.
func (c *Capture) WaitMessages(n int, timeout time.Duration) ([]Message, error) {
	end := time.NewTimer(timeout)
	defer end.Stop()
	for {
		c.mu.Lock()
		have, changed := c.accepted, c.changed
		c.mu.Unlock()
		if have >= n {
			return c.Messages(), nil
		}
		select {
		case <-changed:
		case <-end.C:
			return c.Messages(), fmt.Errorf("lab: %d of %d messages after %v", have, n, timeout)
		}
	}
}

// Forget empties the capture.
func (c *Capture) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all, c.accepted = nil, 0
}
