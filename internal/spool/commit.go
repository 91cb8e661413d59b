package spool

import (
	"fmt"
	"slices"
	"time"
)

// Commit makes the message durable. Commits that come at the same time share
// the fsync of pebble's log; one that comes alone waits for nobody.
func (d *draft) Commit(env Envelope, jobs []Job) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.p.enter(); err != nil {
		return err
	}
	defer d.p.gate.leave()
	if err := d.prepare(env, jobs); err != nil {
		return err
	}
	b := d.ready.batch
	d.p.comes(d.id)
	d.p.apply(b)
	d.p.settle(b)
	d.p.mu.Lock()
	delete(d.p.coming, d.id)
	d.p.arrived(d.ready)
	d.p.mu.Unlock()
	d.stage, d.ready = ended, nil
	return nil
}

// comes notes a message that a list can see before it has arrived. Who changed one
// of its jobs then would find it undone: what arrives is what was committed.
func (p *Pebble) comes(id ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.coming[id] = struct{}{}
}

// Prepare fixes the message for an Update.
func (d *draft) Prepare(env Envelope, jobs []Job) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.p.enter(); err != nil {
		return err
	}
	defer d.p.gate.leave()
	return d.prepare(env, jobs)
}

// prepare writes the batch of the draft, and its file for good. After an error
// nothing is kept. The caller holds mu.
func (d *draft) prepare(env Envelope, jobs []Job) error {
	if err := d.in(writing); err != nil {
		return err
	}
	var records []*jobRecord
	few := areFew(jobs)
	err := d.p.accepts(d.kind)
	if err == nil {
		records, err = d.records(env, jobs, few)
	}
	if err == nil && d.file != nil {
		err = d.file.finish()
	}
	if err != nil {
		d.drop()
		return err
	}
	d.stage = isPrepared
	d.ready = d.seal(&env, records)
	d.ready.few = few
	d.text, d.budget = nil, 0 // the prepared message has them now
	return nil
}

// records makes the records of the jobs: of few, the recipients are copied.
func (d *draft) records(env Envelope, jobs []Job, few bool) ([]*jobRecord, error) {
	if len(jobs) == 0 {
		return nil, fmt.Errorf("%w: no job", ErrInvalid)
	}
	now := d.p.now()
	out := make([]*jobRecord, 0, len(jobs))
	for n, j := range jobs {
		j.N = n
		if few {
			j.Recipients = slices.Clone(j.Recipients)
		}
		rec := &jobRecord{Job: j, alone: len(jobs) == 1, big: d.file != nil, from: env.Sender, once: true}
		rec.Message, rec.Size = d.id, d.size
		if rec.Arrived = env.Arrived; rec.Arrived.IsZero() {
			rec.Arrived = now
		}
		if err := rec.settle(now); err != nil {
			return nil, err
		}
		out = append(out, rec)
	}
	return out, nil
}

// seal writes all into a batch.
func (d *draft) seal(env *Envelope, jobs []*jobRecord) *prepared {
	env.Size = d.size
	env.Arrived = jobs[0].Arrived
	w := writer{b: d.p.db.NewBatchWithSize(d.batchSize(env, jobs))}
	if d.file != nil {
		w.fileBody(d.id, &d.file.record)
	} else {
		w.inlineBody(d.id, d.text)
	}
	w.message(d.id, env)
	for _, j := range jobs {
		w.newJob(j)
	}
	return &prepared{batch: w.b, size: d.size, env: *env, jobs: jobs, text: d.text, budget: d.budget}
}

// batchSize is about what the batch will take, so that it is not copied as it
// grows.
func (d *draft) batchSize(env *Envelope, jobs []*jobRecord) int {
	n := 1024 + len(env.Decision)
	if d.file == nil {
		n += int(d.size)
	}
	for _, j := range jobs {
		n += 512
		for i := range j.Recipients {
			n += recipientRoom + textOf(&j.Recipients[i])
		}
	}
	return n
}

// recipientRoom is what the record of a recipient takes beside its text.
const recipientRoom = 64

// textOf is the text of a recipient as it comes in.
func textOf(r *Recipient) int {
	return len(r.Final.Local) + len(r.Final.Domain) + len(r.Original.Local) + len(r.Original.Domain) +
		len(r.ORCPT) + len(r.Reply.Enhanced) + len(r.Reply.Text) + len(r.NotBy)
}

// settle makes a job as it was given fit to be stored: numbered, with all times in
// UTC.
func (j *jobRecord) settle(now time.Time) error {
	if len(j.Recipients) > maxRecipients {
		return fmt.Errorf("%w: %d recipients in one job", ErrInvalid, len(j.Recipients))
	}
	j.Lease, j.Asleep = Lease{}, false
	j.Nexthops, j.Edits = slices.Clone(j.Nexthops), slices.Clone(j.Edits)
	for i := range j.Recipients {
		j.Recipients[i].N = i
	}
	if j.waiting() == 0 {
		return fmt.Errorf("%w: a job without waiting recipients", ErrInvalid)
	}
	if j.Due.IsZero() {
		j.Due = now
	}
	for _, t := range []*time.Time{&j.Arrived, &j.LastTry, &j.Due} {
		*t = t.UTC().Round(0)
	}
	return nil
}

// arrived counts a message that is durable and schedules its jobs. The caller
// holds mu.
func (p *Pebble) arrived(m *prepared) {
	if !p.fresh.keep(m, p.now()) {
		p.memory.release(m.text, m.budget)
	}
	p.total.addMessage(1, m.size)
	for _, j := range m.jobs {
		p.total.addJob(1, j)
		p.schedule(j)
	}
}

// schedule puts a job among the lanes and tells the watchers. The caller holds
// mu.
func (p *Pebble) schedule(j *jobRecord) {
	if j.Held {
		return
	}
	p.lanes.add(j.Lane, j.slot())
	p.watch.tell(Hint{Lane: j.Lane, Due: j.Due, Sender: j.Sender})
}
