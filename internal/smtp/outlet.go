package smtp

import (
	"net"
	"time"
)

const (
	// outSize is when an outlet writes: one system call for most messages.
	outSize = 128 << 10
	// ownSize is what an outlet holds of its own: short runs, and two whole
	// records under TLS.
	ownSize = 32 << 10
	// shortRun is copied, since a piece of its own would cost as much.
	shortRun = 4 << 10
)

// outlet collects the runs of a message and writes many of them at once: long
// ones from where they lie, so that they must stay as they are until Flush, short
// ones from its own memory. Under TLS, which copies them in any case and makes a
// record of each write, all are joined in its own memory.
type outlet struct {
	conn    net.Conn
	timeout time.Duration
	join    bool

	runs [][]byte
	size int // of runs
	used int // of own
	own  [ownSize]byte
}

// Write takes the next octets. The error is the connection's.
func (o *outlet) Write(p []byte) (int, error) {
	if !o.join && len(p) > shortRun {
		o.add(p)
		return len(p), o.relieve()
	}
	for rest := p; len(rest) > 0; {
		n := copy(o.own[o.used:], rest)
		o.addOwn(n)
		rest = rest[n:]
		if err := o.relieve(); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// WriteString does the same for what DotWriter adds.
func (o *outlet) WriteString(s string) (int, error) {
	if len(s) > len(o.own)-o.used {
		if err := o.Flush(); err != nil {
			return 0, err
		}
	}
	o.addOwn(copy(o.own[o.used:], s))
	return len(s), o.relieve()
}

func (o *outlet) add(run []byte) {
	o.runs = append(o.runs, run)
	o.size += len(run)
}

// addOwn adds the next n octets of own, to the run before if they follow it.
func (o *outlet) addOwn(n int) {
	from := o.used
	o.used += n
	if last := len(o.runs) - 1; last >= 0 && o.endsOwn(o.runs[last], from) {
		o.runs[last] = o.runs[last][:len(o.runs[last])+n]
		o.size += n
		return
	}
	o.add(o.own[from:o.used])
}

// endsOwn tells whether a run ends where own has octets at from.
func (o *outlet) endsOwn(run []byte, from int) bool {
	return from > 0 && &run[len(run)-1] == &o.own[from-1]
}

// relieve writes when there is enough.
func (o *outlet) relieve() error {
	if o.size >= outSize || o.used == len(o.own) {
		return o.Flush()
	}
	return nil
}

// letGo makes the memory of all runs so far free for others.
func (o *outlet) letGo() error {
	if o.size == o.used {
		return nil
	}
	return o.Flush()
}

// Flush writes what was collected. Each time has a time-out of its own (RFC 5321
// s4.5.3.2.5), so that a large message may take its time and a host that takes
// nothing may not.
func (o *outlet) Flush() error {
	if o.size == 0 {
		return nil
	}
	err := o.conn.SetDeadline(time.Now().Add(o.timeout))
	if err == nil && len(o.runs) == 1 {
		_, err = o.conn.Write(o.runs[0])
	} else if err == nil {
		runs := net.Buffers(o.runs)
		_, err = runs.WriteTo(o.conn)
	}
	clear(o.runs)
	o.runs, o.size, o.used = o.runs[:0], 0, 0
	return err
}
