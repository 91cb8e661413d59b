package main

import (
	"bufio"
	"fmt"
	"io"
	"sync"
	"text/tabwriter"
	"time"
)

// pageTime is how long lines of a table may wait for others.
const pageTime = 200 * time.Millisecond

// pages sets the columns of a long table a page at a time. The first line waits for
// none, and what is found early not for what takes long to find.
type pages struct {
	timer *time.Timer // prints what waits

	mu      sync.Mutex // guards what follows
	table   *tabwriter.Writer
	out     *bufio.Writer // a cell of a table is a write
	waiting bool          // the timer is set
	wait    time.Duration // of the next page
	err     error
}

func newPages(w io.Writer) *pages {
	out := bufio.NewWriterSize(w, 64<<10)
	p := &pages{out: out, table: tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)}
	p.timer = time.AfterFunc(time.Hour, p.flush)
	p.timer.Stop()
	return p
}

func (p *pages) printf(format string, args ...any) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.table, format, args...)
	}
	if !p.waiting {
		p.waiting = true
		p.timer.Reset(p.wait)
		p.wait = pageTime
	}
	return p.err
}

// flush prints what waits.
func (p *pages) flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.print()
}

// print prints. The caller holds mu.
func (p *pages) print() {
	p.waiting = false
	if p.err == nil {
		p.err = p.table.Flush()
	}
	if p.err == nil {
		p.err = p.out.Flush()
	}
}

// end prints what is left.
func (p *pages) end() error {
	p.timer.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.print()
	return p.err
}
