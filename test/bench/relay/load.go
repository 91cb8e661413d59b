package main

import (
	"fmt"
	"time"
)

// load is what one run sends.
type load struct {
	sessions int
	messages int
	bytes    int
	reuse    bool   // one connection a session, or one a message
	pipeline bool   // the source sends MAIL, RCPT and DATA at once
	tls      bool   // on both sides, with resumption
	tools    bool   // smtp-source and smtp-sink instead of ours
	sender   string // local part; "": s
	domain   string // of the recipient; "": b.test
}

func (l load) String() string {
	mode := "new"
	if l.reuse {
		mode = "reuse"
	}
	text := fmt.Sprintf("%d KB, %d sessions, %s", l.bytes>>10, l.sessions, mode)
	for _, w := range []struct {
		on   bool
		name string
	}{{l.pipeline, "pipelined"}, {l.tls, "TLS"}, {l.tools, "smtp-source, smtp-sink"}} {
		if w.on {
			text += ", " + w.name
		}
	}
	return text
}

// matrix is the whole of what is measured. The counts keep each run at a few
// seconds of the slower server.
func matrix() []load {
	var out []load
	for _, size := range []int{2 << 10, 10 << 10, 100 << 10} {
		for _, sessions := range []int{1, 20, 100} {
			for _, reuse := range []bool{true, false} {
				out = append(out, load{sessions: sessions, messages: countOf(sessions, size), bytes: size, reuse: reuse})
			}
		}
	}
	for _, sessions := range []int{1, 20, 100} {
		for _, reuse := range []bool{true, false} {
			out = append(out, load{sessions: sessions, messages: countOf(sessions, 20<<10), bytes: 10 << 10, reuse: reuse, tls: true})
		}
	}
	out = append(out, load{sessions: 100, messages: 6000, bytes: 10 << 10, reuse: true, pipeline: true})
	for _, reuse := range []bool{true, false} {
		out = append(out, load{sessions: 100, messages: 4000, bytes: 10 << 10, reuse: reuse, tools: true})
	}
	return out
}

func countOf(sessions, size int) int {
	n := map[int]int{1: 400, 20: 3000, 100: 6000}[sessions]
	if size > 10<<10 {
		n /= 2
	}
	return n
}

// figures of one run.
type figures struct {
	accepted  float64 // messages a second, until the last 250
	delivered float64 // messages a second, until the last arrival
	cpu       time.Duration
	written   int64 // octets
	sent      int
	unique    int
	duplicate int
	altered   int
	waits     []time.Duration // from the first command to the arrival, sorted
}

// perMessage is milliseconds of CPU.
func (f figures) perMessage() float64 { return f.cpu.Seconds() * 1000 / float64(f.sent) }

// kilobytes written a message.
func (f figures) kilobytes() float64 { return float64(f.written) / 1024 / float64(f.sent) }

// wait is a quantile of the time until a message has arrived, in milliseconds.
func (f figures) wait(q float64) float64 {
	if len(f.waits) == 0 {
		return 0
	}
	return f.waits[int(q*float64(len(f.waits)-1))].Seconds() * 1000
}

func (f figures) complete() bool { return f.unique == f.sent && f.altered == 0 }
