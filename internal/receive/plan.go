package receive

import (
	"slices"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

// jobRecipients is the most of one job: what an attempt holds in memory.
const jobRecipients = 250

// plan is what becomes of a message: its jobs, and what is kept and told of the
// decision. It takes the recipients one by one and keeps no decision, so that
// those on very many need not be in memory together.
type plan struct {
	t      *Transaction
	by     decide.Grouping
	open   []int       // by group: its job that takes more recipients
	jobs   []spool.Job // of deliveries: one for each group, more for a large one
	refuse []spool.Job // one for each different refusal
	expand []spool.Job // one for each tenant whose aliases were asked to confirm

	record []RecordRecipient
	more   int    // recipients that are not in record
	tenant string // of the first delivery that has one

	rules  []decide.Ref         // by job of jobs: that of its first delivery
	others map[place]decide.Ref // where a delivery of a job has another one
}

// place is a recipient of a job.
type place struct{ job, n int }

// add takes one recipient in.
func (p *plan) add(d *decide.RecipientDecision) {
	p.note(d)
	switch d.Verdict {
	case decide.Reject:
		p.refused(d.Tenant, spool.Recipient{
			Reply: d.Reply, Final: d.Recipient.Address, Original: d.Recipient.Address,
			Notify: d.Recipient.Notify, ORCPT: d.Recipient.ORCPT,
		})
	case decide.Accept:
		for i := range d.Deliveries {
			p.deliver(&d.Deliveries[i])
		}
		for i := range d.Refused {
			leg := &d.Refused[i]
			p.refused(leg.Tenant, spool.Recipient{
				Reply: leg.Reply, Final: leg.Recipient, Original: leg.Original, Notify: leg.Notify, ORCPT: leg.ORCPT,
			})
		}
		p.expanded(d)
	}
}

// deliver puts a delivery into the job of its group that has room.
func (p *plan) deliver(leg *decide.Delivery) {
	if p.tenant == "" {
		p.tenant = leg.Tenant
	}
	at, fresh := p.by.Of(leg)
	if fresh {
		p.open = append(p.open, p.begin(leg))
	} else if len(p.jobs[p.open[at]].Recipients) == jobRecipients {
		p.open[at] = p.begin(leg)
	}
	n := p.open[at]
	to := &p.jobs[n].Recipients
	if leg.Rule != p.rules[n] {
		if p.others == nil {
			p.others = map[place]decide.Ref{}
		}
		p.others[place{n, len(*to)}] = leg.Rule
	}
	*to = append(*to, spool.Recipient{
		Final: leg.Recipient, Original: leg.Original, Notify: leg.Notify, ORCPT: leg.ORCPT, NotBy: leg.NotBy,
	})
}

// begin begins a job of a delivery's group.
func (p *plan) begin(leg *decide.Delivery) int {
	g := decide.GroupOf(leg)
	job := p.t.job(spool.Lane{Tenant: g.Tenant, Transport: g.Transport, Nexthop: g.Nexthop})
	job.Nexthops, job.Sender, job.EnvID, job.Ret = g.Nexthops, g.Sender, g.EnvID, g.Ret
	job.Rule, job.Copy, job.Expanded, job.Original = ruleName(g.Rule), g.Copy, g.Expanded, g.Original
	job.Homed = g.Homed
	job.Edits = p.t.edits(g.Edits)
	p.jobs, p.rules = append(p.jobs, job), append(p.rules, g.Rule)
	return len(p.jobs) - 1
}

// rule is that of a delivery.
func (p *plan) rule(job, n int) decide.Ref {
	if r, other := p.others[place{job, n}]; other {
		return r
	}
	return p.rules[job]
}

// refused puts a recipient into the job of its tenant with the same reply, on the
// transport that refuses, so that it bounces like any other mail.
func (p *plan) refused(tenant string, r spool.Recipient) {
	text := r.Reply.String() // what the error transport reads its reply from
	at := slices.IndexFunc(p.refuse, func(j spool.Job) bool { return j.Nexthops[0] == text && j.Lane.Tenant == tenant })
	if at < 0 {
		job := p.t.job(spool.Lane{Tenant: tenant, Transport: decide.BuiltinError})
		job.Nexthops = []string{text}
		at, p.refuse = len(p.refuse), append(p.refuse, job)
	}
	p.refuse[at].Recipients = append(p.refuse[at].Recipients, r)
}

// expanded notes an alias that was asked to confirm: its members are not (RFC 3461
// s5.2.7.1 (b)), so the sender is told "expanded". It is a job, so that it is as
// durable as the message.
func (p *plan) expanded(d *decide.RecipientDecision) {
	if p.t.envelope.Sender.IsNull() || !wasExpanded(d) {
		return
	}
	at := slices.IndexFunc(p.expand, func(j spool.Job) bool { return j.Lane.Tenant == d.Tenant })
	if at < 0 {
		at, p.expand = len(p.expand), append(p.expand, p.t.job(spool.Lane{Tenant: d.Tenant, Transport: decide.BuiltinExpanded}))
	}
	p.expand[at].Recipients = append(p.expand[at].Recipients, spool.Recipient{
		Final: d.Recipient.Address, Original: d.Recipient.Address, Notify: mail.NotifySuccess, ORCPT: d.Recipient.ORCPT,
	})
}

// wasExpanded tells whether a recipient asked for SUCCESS and goes on to some
// who do not.
func wasExpanded(d *decide.RecipientDecision) bool {
	return d.Recipient.Notify&mail.NotifySuccess != 0 && slices.ContainsFunc(d.Deliveries, func(leg decide.Delivery) bool {
		return leg.Copy == "" && leg.Notify&mail.NotifySuccess == 0
	})
}

// all gives the jobs: none when there is nothing to deliver and nothing to refuse.
func (p *plan) all() []spool.Job {
	jobs := append(p.jobs, p.refuse...)
	if len(jobs) > 0 {
		jobs = append(jobs, p.expand...)
	}
	for n := range jobs {
		jobs[n].N = n
		for i := range jobs[n].Recipients {
			jobs[n].Recipients[i].N = i
		}
	}
	return jobs
}

// job is what all jobs of the message have in common.
func (t *Transaction) job(lane spool.Lane) spool.Job {
	return spool.Job{
		Message: t.body.draft.ID(), Lane: lane,
		Sender: t.envelope.Sender, EnvID: t.envelope.EnvID, Ret: t.envelope.Ret,
		Body: t.envelope.Body, SMTPUTF8: t.envelope.SMTPUTF8,
		Size: t.body.size, Arrived: t.body.arrived, Due: t.body.arrived,
	}
}

// edits gives edits of the header as edits of the stored body, which begins with the
// field of this hop.
func (t *Transaction) edits(list []decide.Edit) []spool.Edit {
	if len(list) == 0 {
		return nil
	}
	out := make([]spool.Edit, len(list))
	for i, e := range list {
		out[i] = spool.Edit{At: e.At + int64(t.body.own), Len: e.Len, Text: e.Text}
	}
	return out
}

// ruleName is the rule as people read it: "route.partner (postroad.hcl:31)".
func ruleName(r decide.Ref) string {
	if r.Source == "" {
		return r.Name
	}
	return r.Name + " (" + r.Source + ")"
}
