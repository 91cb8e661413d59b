package spool

import (
	"encoding/binary"
	"fmt"

	"github.com/postroad/postroad/internal/spool/salvage"
)

// gathering puts the jobs of a message together out of their records.
type gathering struct {
	relic *Relic
	jobs  []*gathered
	last  *gathered
}

// gathered is what is left of a job.
type gathered struct {
	n          uint32
	ended      bool
	record     *jobRecord // nil: lost
	tally      tally
	recipients []Recipient
}

func newGathering(r *Relic) *gathering { return &gathering{relic: r} }

// of gives the job of a number; jobs and recipients come in their order.
func (g *gathering) of(n uint32) *gathered {
	for _, j := range g.jobs {
		if j.n == n {
			return j
		}
	}
	j := &gathered{n: n}
	g.jobs = append(g.jobs, j)
	return j
}

// job takes up a job's record.
func (g *gathering) job(it salvage.Item) {
	r, ok := parseRef(it.Key[1:])
	if !ok {
		return
	}
	j := g.of(r.job)
	if j.ended = it.Deleted; it.Deleted {
		return
	}
	value, err := it.Value()
	if err == nil {
		j.record, j.tally, err = decodeJob(r, it.Key, value)
	}
	if err != nil {
		j.record = nil
		g.relic.Lost = append(g.relic.Lost, fmt.Sprintf("job %d: %v", r.job, err))
	}
}

// recipient takes up a recipient's record.
func (g *gathering) recipient(it salvage.Item) {
	r, ok := parseRef(it.Key[1:max(1, len(it.Key)-4)])
	if !ok {
		return
	}
	if g.last == nil || g.last.n != r.job {
		g.last = g.of(r.job)
	}
	j := g.last
	if it.Deleted || j.ended {
		return // with its job, whose own deletion may be lost
	}
	n := int(binary.BigEndian.Uint32(it.Key[len(it.Key)-4:]))
	value, err := it.Value()
	if err == nil {
		var rcpt Recipient
		if rcpt, err = decodeRecipient(n, it.Key, value); err == nil {
			j.recipients = append(j.recipients, rcpt)
			return
		}
	}
	g.relic.Lost = append(g.relic.Lost, fmt.Sprintf("recipient %d of job %d: %v", n, r.job, err))
}

// finish makes the jobs of the relic; false when there is nothing left that
// waits and nothing tells that there should be.
func (g *gathering) finish() bool {
	r := g.relic
	live, ended := 0, 0
	for _, j := range g.jobs {
		switch {
		case j.ended:
			ended++
		case j.record == nil && len(j.recipients) == 0:
		case j.record == nil:
			live++
			g.orphans(j)
		default:
			live++
			g.settle(j)
		}
	}
	if live == 0 && ended > 0 && len(r.Lost) == 0 {
		return false // it ended with its jobs; only its own deletion is lost
	}
	if r.Envelope == nil && !r.hasBody && len(r.jobs) == 0 && len(r.Lost) == 0 {
		return false
	}
	if r.Envelope == nil && len(r.Lost) == 0 {
		r.Lost = append(r.Lost, "envelope")
	}
	if len(r.jobs) == 0 && len(r.Lost) == 0 {
		r.Lost = append(r.Lost, "jobs")
	}
	if err := r.bodyError(); err != nil {
		r.Lost = append(r.Lost, err.Error())
	}
	return true
}

// orphans are recipients whose job is lost, and with it the way they had. They
// are shown, as far as a message is known to which they belong.
func (g *gathering) orphans(j *gathered) {
	r := g.relic
	if r.Envelope == nil && !r.hasBody {
		return // most likely a job that ended, whose deletion is gone for good
	}
	r.Lost = append(r.Lost, fmt.Sprintf("job %d", j.n))
	r.Jobs = append(r.Jobs, Job{Message: r.ID, N: int(j.n), Recipients: j.recipients})
}

// settle makes a job of what is left, with the recipients in a row again.
func (g *gathering) settle(j *gathered) {
	r, waiting := g.relic, 0
	for _, rcpt := range j.recipients {
		if rcpt.State == Waiting {
			waiting++
		}
	}
	if lost := j.tally.waiting - waiting; lost > 0 {
		r.Lost = append(r.Lost, fmt.Sprintf("%d recipients of job %d", lost, j.n))
	}
	if waiting == 0 {
		return
	}
	j.record.Recipients = j.recipients
	for i := range j.recipients {
		j.recipients[i].N = i
	}
	j.record.alone = false // others may be lost, and looking for them costs little
	r.jobs = append(r.jobs, j.record)
	r.Jobs = append(r.Jobs, j.record.Job)
}
