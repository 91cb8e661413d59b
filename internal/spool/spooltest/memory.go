// Package spooltest helps the tests of the spool and of what stands on it: Run
// is the suite that every spool.Store passes, Memory is a store without
// durability.
//
// It is for tests only and has no part in the server.
package spooltest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

// Mem is a spool.Store in memory: the contract in its plainest form.
type Mem struct {
	// Now is the clock, time.Now unless a test sets it before the first call.
	Now func() time.Time

	mu       sync.Mutex // guards what follows
	closed   bool
	serial   uint64
	token    uint64
	messages map[spool.ID]*memMessage
	watchers map[chan spool.Hint]bool
}

type memMessage struct {
	env  spool.Envelope
	body []byte
	jobs []*memJob // by number
	next int       // number of the next one that is added
}

type memJob struct {
	spool.Job              // with all recipients; Lease is the one that holds
	waiting   map[int]bool // by recipient number
}

var _ spool.Store = (*Mem)(nil)

// Memory makes an empty store.
func Memory() *Mem {
	return &Mem{
		Now:      time.Now,
		messages: map[spool.ID]*memMessage{},
		watchers: map[chan spool.Hint]bool{},
	}
}

// Close ends the store.
func (m *Mem) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

// Restart ends all leases, as the next process does that opens a store.
func (m *Mem) Restart() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, msg := range m.messages {
		for _, j := range msg.jobs {
			j.Lease = spool.Lease{}
		}
	}
}

// Health says whether the store is open.
func (m *Mem) Health() spool.Health {
	m.mu.Lock()
	defer m.mu.Unlock()
	return spool.Health{Err: m.open(), FreeBytes: 1 << 40}
}

// open tells whether the store may be used. The caller holds mu.
func (m *Mem) open() error {
	if m.closed {
		return spool.ErrUnavailable
	}
	return nil
}

// CreateReport begins a report.
func (m *Mem) CreateReport(ctx context.Context) (spool.Draft, error) { return m.Create(ctx) }

// Create begins a message.
func (m *Mem) Create(context.Context) (spool.Draft, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.open(); err != nil {
		return nil, err
	}
	m.serial++
	var id spool.ID
	binary.BigEndian.PutUint64(id[:8], uint64(m.Now().UnixMilli())<<16)
	binary.BigEndian.PutUint64(id[8:], m.serial)
	return &memDraft{store: m, id: id}, nil
}

// Open gives a message.
func (m *Mem) Open(_ context.Context, id spool.ID) (spool.Envelope, spool.Body, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.open(); err != nil {
		return spool.Envelope{}, nil, err
	}
	msg := m.messages[id]
	if msg == nil {
		return spool.Envelope{}, nil, spool.ErrNotFound
	}
	return msg.env, memBody{bytes.NewReader(msg.body)}, nil
}

type memBody struct{ *bytes.Reader }

func (memBody) Close() error { return nil }

// memDraft is a message being received.
type memDraft struct {
	store    *Mem
	id       spool.ID
	body     []byte
	ended    bool
	prepared *memMessage
}

func (d *memDraft) ID() spool.ID { return d.id }

func (d *memDraft) Write(p []byte) (int, error) {
	if d.ended {
		return 0, spool.ErrInvalid
	}
	d.body = append(d.body, p...)
	return len(p), nil
}

func (d *memDraft) Commit(env spool.Envelope, jobs []spool.Job) error {
	if err := d.Prepare(env, jobs); err != nil {
		return err
	}
	d.store.mu.Lock()
	defer d.store.mu.Unlock()
	if err := d.store.open(); err != nil {
		return err
	}
	d.store.take(d)
	return nil
}

func (d *memDraft) Prepare(env spool.Envelope, jobs []spool.Job) error {
	if d.ended {
		return spool.ErrInvalid
	}
	d.ended = true
	now := d.store.Now().UTC()
	env.Size = int64(len(d.body))
	env.Decision = slices.Clone(env.Decision)
	if env.Arrived.IsZero() {
		env.Arrived = now
	}
	msg := &memMessage{env: env, body: d.body}
	for _, j := range jobs {
		job, err := msg.add(d.id, j, now)
		if err != nil {
			return err
		}
		msg.jobs = append(msg.jobs, job)
	}
	if len(jobs) == 0 {
		return fmt.Errorf("%w: no job", spool.ErrInvalid)
	}
	d.prepared = msg
	return nil
}

func (d *memDraft) Abort() { d.ended, d.prepared, d.body = true, nil, nil }

// add makes the next job of the message.
func (msg *memMessage) add(id spool.ID, j spool.Job, now time.Time) (*memJob, error) {
	j.Message, j.N = id, msg.next
	j.Size, j.Arrived, j.Lease, j.Asleep = msg.env.Size, msg.env.Arrived, spool.Lease{}, false
	j.Nexthops, j.Edits, j.Recipients = slices.Clone(j.Nexthops), slices.Clone(j.Edits), slices.Clone(j.Recipients)
	if j.Due.IsZero() {
		j.Due = now
	}
	job := &memJob{Job: j, waiting: map[int]bool{}}
	for i := range j.Recipients {
		j.Recipients[i].N = i
		if j.Recipients[i].State == spool.Waiting {
			job.waiting[i] = true
		}
	}
	if len(job.waiting) == 0 {
		return nil, fmt.Errorf("%w: a job without waiting recipients", spool.ErrInvalid)
	}
	msg.next++
	return job, nil
}

// take puts a prepared draft into the store. The caller holds mu.
func (m *Mem) take(d *memDraft) {
	m.messages[d.id] = d.prepared
	for _, j := range d.prepared.jobs {
		m.hint(j)
	}
	d.prepared = nil
}

// Watch gives hints until ctx ends.
func (m *Mem) Watch(ctx context.Context) (<-chan spool.Hint, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.open(); err != nil {
		return nil, err
	}
	c := make(chan spool.Hint, 64)
	m.watchers[c] = true
	context.AfterFunc(ctx, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.watchers, c)
		close(c)
	})
	return c, nil
}

// hint tells the watchers of a job, as far as they listen. The caller holds mu.
func (m *Mem) hint(j *memJob) {
	if j.Held {
		return
	}
	for c := range m.watchers {
		select {
		case c <- spool.Hint{Lane: j.Lane, Due: j.Due, Sender: j.Sender}:
		default:
		}
	}
}

// sorted gives the jobs that pass keep, by message and number. The caller holds
// mu.
func (m *Mem) sorted(keep func(*memMessage, *memJob) bool) []*memJob {
	var out []*memJob
	for _, msg := range m.messages {
		for _, j := range msg.jobs {
			if keep(msg, j) {
				out = append(out, j)
			}
		}
	}
	slices.SortFunc(out, func(a, b *memJob) int {
		return cmp.Or(bytes.Compare(a.Message[:], b.Message[:]), cmp.Compare(a.N, b.N))
	})
	return out
}

// passes tells whether a filter selects a job.
func passes(f spool.Filter, env *spool.Envelope, j *spool.Job) bool {
	return (len(f.IDs) == 0 || slices.Contains(f.IDs, j.Message)) &&
		(f.Transport == "" || f.Transport == j.Lane.Transport) &&
		(f.Nexthop == "" || f.Nexthop == j.Lane.Nexthop) &&
		(f.Tenant == "" || f.Tenant == j.Lane.Tenant) &&
		(f.Domain == "" || toDomain(j, f.Domain)) &&
		(f.Sender == "" || f.Sender == env.Sender.String()) &&
		(f.OlderThan.IsZero() || j.Arrived.Before(f.OlderThan)) &&
		(!f.HeldOnly || j.Held)
}

func toDomain(j *spool.Job, d mail.Domain) bool {
	return slices.ContainsFunc(j.Recipients, func(r spool.Recipient) bool { return r.Final.Domain == d })
}
