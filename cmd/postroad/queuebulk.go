package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/postroad/postroad/internal/server/control"
)

const (
	bulkEvery  = 200 * time.Millisecond // between two lines of progress
	bulkLooked = time.Second            // how long it may take to find how much there is to do
)

// bulk is a change of perhaps very much of the queue: it tells how far that is while
// it lasts, and how far it came when it is broken off.
type bulk struct {
	w     *world
	did   string // "held"
	about int64  // jobs that there are to do; 0: unknown
	done  int64  // jobs

	quiet bool // no progress
	shown time.Time
	width int // of the line of progress on the terminal
}

func newBulk(w *world, did string) *bulk {
	return &bulk{w: w, did: did, quiet: !w.terminal, shown: time.Now()}
}

// expect asks how many jobs the action of a verb has to do with. Of the whole queue
// that is known at once; of a part it is counted, unless that takes long.
func (b *bulk) expect(client *control.Client, verb string, sel control.Selection) {
	if len(sel.IDs) > 0 {
		return
	}
	ctx, cancel := context.WithTimeout(b.w.ctx, bulkLooked)
	defer cancel()
	s, err := client.Summary(ctx, control.SummaryOrder{Selection: sel, By: control.ByTransport})
	if err != nil {
		return // the action itself tells of what is wrong
	}
	switch t := s.Total; verb {
	case "hold", "retry":
		b.about = t.Jobs - t.Held
	case "release":
		b.about = t.Held
	default:
		b.about = t.Jobs
	}
}

// at notes how many jobs are done, and shows it now and then.
func (b *bulk) at(done int64) {
	b.done = done
	if b.quiet || time.Since(b.shown) < bulkEvery {
		return
	}
	b.shown = time.Now()
	text := b.far()
	fmt.Fprintf(b.w.stderr, "\r%-*s", b.width, text)
	b.width = len(text)
}

// clear makes room for another line.
func (b *bulk) clear() {
	if b.width > 0 {
		fmt.Fprintf(b.w.stderr, "\r%*s\r", b.width, "")
		b.width = 0
	}
}

// far tells how far it is.
func (b *bulk) far() string {
	if b.about < b.done {
		return fmt.Sprintf("%s jobs %s", grouped(b.done), b.did)
	}
	return fmt.Sprintf("%s of about %s jobs %s", grouped(b.done), grouped(b.about), b.did)
}

// brokenOff is how it ended that did not come to its end: at the administrator's
// word, or by err.
func (b *bulk) brokenOff(err error) error {
	b.clear()
	switch {
	case b.w.ctx.Err() != nil:
		return &statusError{status: exitLater, err: errors.New(b.far() + "; run it again to go on")}
	case b.done > 0:
		return &statusError{status: statusOf(err), err: fmt.Errorf("%s, then: %w", b.far(), err)}
	}
	return err
}

// grouped writes a number by its thousands.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	var b strings.Builder
	for i, digit := range s {
		if left := len(s) - i; i > 0 && left%3 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(digit)
	}
	return b.String()
}
