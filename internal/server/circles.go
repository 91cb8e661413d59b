package server

import (
	"context"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/postroad/postroad/internal/explain"
	"github.com/postroad/postroad/internal/receive"
)

// mostTold circles are remembered as told.
const mostTold = 100

// circles warns of aliases that lead round, when a change of a table or of the
// configuration closes the circle. It looks behind the change, one at a time: mail
// does not wait for it, and neither does a reload.
type circles struct {
	log  *slog.Logger
	pin  func() receive.Generation
	wake chan struct{} // of one: a look sees all changes before it
	end  context.CancelFunc
	done sync.WaitGroup

	// Of the goroutine.
	last explain.World // that was looked at
	told []explain.Cycle
}

func newCircles(log *slog.Logger, pin func() receive.Generation) *circles {
	return &circles{log: log, pin: pin, wake: make(chan struct{}, 1)}
}

// look asks for a look, soon. It does not block.
func (c *circles) look() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *circles) start() {
	ctx, end := context.WithCancel(context.Background())
	c.end = end
	c.look()
	c.done.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-c.wake:
				c.tell(ctx)
			}
		}
	})
}

func (c *circles) stop() {
	c.end()
	c.done.Wait()
}

// tell warns of the circles that what changed since the last look has closed. One
// that was told is told again when it had been opened meanwhile. A defect of what
// only warns stops no server.
func (c *circles) tell(ctx context.Context) {
	defer func() {
		if r := recover(); r != nil {
			c.log.Error("alias cycles were not looked for", "panic", r, "stack", string(debug.Stack()))
		}
	}()
	g := c.pin()
	now := explain.World{Config: g.Config, View: g.View}
	last := c.last
	c.last = now
	c.told = slices.DeleteFunc(c.told, func(old explain.Cycle) bool { return !old.Holds(now) })
	found := explain.CyclesSince(ctx, last, now)
	for _, one := range found.Found {
		if slices.ContainsFunc(c.told, func(old explain.Cycle) bool { return old.Text == one.Text }) {
			continue
		}
		c.log.Warn("alias cycle: mail for these addresses comes back to them",
			"circle", strings.ReplaceAll(one.Text, "\n", "; "), "rule", one.Rule, "source", one.Source)
		if len(c.told) < mostTold {
			c.told = append(c.told, one)
		}
	}
	if !found.Whole && ctx.Err() == nil {
		c.log.Info("too much changed to look for all alias cycles at once: postroad check does")
	}
}
