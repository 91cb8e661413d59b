package server

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/postroad/postroad/internal/durable"
	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/server/control"
	"github.com/postroad/postroad/internal/spool"
)

const pausedName = "paused.json"

// pauses are the lanes that an administrator has paused, in memory and in a file of
// the data folder.
type pauses struct {
	disk vfs.FS
	data string

	changing sync.Mutex // one change at a time
	list     atomic.Pointer[[]queue.Pause]
}

// openPauses reads what was paused. A file that cannot be read is an error, since
// mail must not leave by a way that somebody closed.
func openPauses(disk vfs.FS, data string) (*pauses, error) {
	p := &pauses{disk: disk, data: data}
	list, err := readPauses(disk, data)
	p.list.Store(&list)
	return p, err
}

func readPauses(disk vfs.FS, data string) ([]queue.Pause, error) {
	list := []queue.Pause{}
	name := disk.PathJoin(data, pausedName)
	b, err := durable.Read(disk, name)
	if errors.Is(err, fs.ErrNotExist) {
		return list, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &list)
	}
	if err != nil {
		return nil, fmt.Errorf("what is paused, %s: %w", name, err)
	}
	return list, nil
}

// covering gives the first pause that covers a lane, or nil.
func (p *pauses) covering(l spool.Lane) *queue.Pause { return covering(*p.list.Load(), l) }

func covering(list []queue.Pause, l spool.Lane) *queue.Pause {
	if i := slices.IndexFunc(list, func(one queue.Pause) bool { return one.Covers(l) }); i >= 0 {
		return &list[i]
	}
	return nil
}

// put adds a pause, or takes one off; it is durable then.
func (p *pauses) put(one queue.Pause, on bool) error {
	p.changing.Lock()
	defer p.changing.Unlock()
	old := *p.list.Load()
	next := slices.DeleteFunc(slices.Clone(old), func(o queue.Pause) bool { return o.IsOf(&one) })
	if on {
		if i := slices.IndexFunc(old, func(o queue.Pause) bool { return o.IsOf(&one) }); i >= 0 {
			one.Since = old[i].Since
			if one.Reason == "" { // whoever says nothing takes nobody's word back
				one.By, one.Reason = old[i].By, old[i].Reason
			}
		}
		next = append(next, one)
	} else if len(next) == len(old) {
		return fmt.Errorf("%w: %s is not paused", control.ErrPause, laneName(one))
	}
	slices.SortFunc(next, func(a, b queue.Pause) int {
		return cmp.Or(cmp.Compare(a.Transport, b.Transport), cmp.Compare(a.Nexthop, b.Nexthop), cmp.Compare(a.Tenant, b.Tenant))
	})
	b, err := json.MarshalIndent(next, "", "  ")
	if err == nil {
		name := p.disk.PathJoin(p.data, pausedName)
		err = durable.Replace(p.disk, name, name+".new", append(b, '\n'))
	}
	if err != nil {
		return err
	}
	p.list.Store(&next)
	return nil
}

func laneName(p queue.Pause) string {
	name := "transport." + p.Transport
	if p.Nexthop != "" {
		name += " " + p.Nexthop
	}
	if p.Tenant != "" {
		name += " of tenant." + p.Tenant
	}
	return name
}

// Pause has no more attempts made in some lanes. Those under way go on to their end.
func (b backend) Pause(ctx context.Context, p queue.Pause) (control.Waiting, error) {
	if err := b.knows(ctx, p); err != nil {
		return control.Waiting{}, err
	}
	p.Since = time.Now().UTC().Truncate(time.Second)
	if err := b.pauses.put(p, true); err != nil {
		return control.Waiting{}, err
	}
	b.runner.Reload()
	b.log.Warn("queue paused", "transport", p.Transport, "nexthop", p.Nexthop, "tenant", p.Tenant, "by", p.By, "reason", p.Reason)
	return b.waiting(ctx, p)
}

// knows tells whether there is such a transport: in the configuration, or of queued
// mail.
func (b backend) knows(ctx context.Context, p queue.Pause) error {
	if b.config().Transports[p.Transport] != nil {
		return nil
	}
	ways, err := b.store.Count(ctx, spool.GroupTransport)
	if err != nil {
		return err
	}
	for l := range ways {
		if l.Transport == p.Transport {
			return nil
		}
	}
	return fmt.Errorf("%w: there is no transport %q", control.ErrPause, p.Transport)
}

// Resume ends a pause, and has the mail that waited for it tried.
func (b backend) Resume(ctx context.Context, p queue.Pause) (control.Waiting, error) {
	if err := b.pauses.put(p, false); err != nil {
		return control.Waiting{}, err
	}
	// The jobs come before the lanes: what a lane that wakes has begun to attempt
	// would not be counted, and what goes to sleep meanwhile wakes with it.
	n, err := b.store.Change(ctx, spool.Filter{Transport: p.Transport, Nexthop: p.Nexthop, Tenant: p.Tenant}, spool.ActionRetry, nil)
	b.runner.Reload()
	b.log.Warn("queue resumed", "transport", p.Transport, "nexthop", p.Nexthop, "tenant", p.Tenant, "by", p.By, "jobs", n.Jobs)
	return control.Waiting{Jobs: int(n.Jobs)}, err
}

// Pauses tells what is paused.
func (b backend) Pauses() []queue.Pause { return *b.pauses.list.Load() }

// waiting counts the jobs that a pause concerns.
func (b backend) waiting(ctx context.Context, p queue.Pause) (control.Waiting, error) {
	by := spool.GroupTransport
	if p.Nexthop != "" {
		by = spool.GroupLane
	}
	lanes, err := b.store.Count(ctx, by)
	n := 0
	for l, c := range lanes {
		if p.Covers(l) {
			n += int(c.Jobs)
		}
	}
	return control.Waiting{Jobs: n}, err
}

// pauseMetrics tells what is paused.
type pauseMetrics struct{ s *Server }

// Describe gives nothing, as there may be no pause.
func (pauseMetrics) Describe(chan<- *prometheus.Desc) {}

// Collect gives one line a pause, whose value is 1.
func (m pauseMetrics) Collect(out chan<- prometheus.Metric) {
	desc := prometheus.NewDesc("postroad_queue_paused", "Ways on which nothing is attempted.", []string{"transport", "nexthop", "tenant"}, nil)
	for _, p := range *m.s.pauses.list.Load() {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, 1, p.Transport, p.Nexthop, p.Tenant)
	}
}
