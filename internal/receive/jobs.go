package receive

import (
	"slices"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

// jobs turns a decision into what the spool schedules: one job for each group
// of deliveries, more for a large one, and one for what was refused while others were accepted, on
// the transport that refuses, so that it bounces like any other mail.
func (t *Transaction) jobs(d decide.Decision) []spool.Job {
	groups := decide.Groups(d)
	jobs := make([]spool.Job, 0, len(groups)+1)
	for i := range groups {
		for part := range slices.Chunk(groups[i].Deliveries, jobRecipients) {
			job := t.groupJob(&groups[i], part)
			job.N = len(jobs)
			jobs = append(jobs, job)
		}
	}
	return t.expansions(d, t.refusals(d, jobs))
}

// jobRecipients is the most of one job: what an attempt holds in memory.
const jobRecipients = 250

// groupJob is the job of some deliveries of a group.
func (t *Transaction) groupJob(g *decide.Group, part []*decide.Delivery) spool.Job {
	job := t.job(spool.Lane{Tenant: g.Tenant, Transport: g.Transport, Nexthop: g.Nexthop})
	job.Nexthops, job.Sender, job.EnvID, job.Ret = g.Nexthops, g.Sender, g.EnvID, g.Ret
	job.Rule, job.Copy, job.Expanded, job.Original = ruleName(g.Rule), g.Copy, g.Expanded, g.Original
	job.Homed = g.Homed
	job.Edits = t.edits(g.Edits)
	job.Recipients = make([]spool.Recipient, len(part))
	for i, leg := range part {
		job.Recipients[i] = spool.Recipient{N: i, Final: leg.Recipient, Original: leg.Original, Notify: leg.Notify, ORCPT: leg.ORCPT, NotBy: leg.NotBy}
	}
	return job
}

// expansions appends a job for each tenant whose aliases were asked to confirm:
// their members are not (RFC 3461 s5.2.7.1 (b)), so the sender is told "expanded".
// It is a job, so that it is as durable as the message.
func (t *Transaction) expansions(d decide.Decision, jobs []spool.Job) []spool.Job {
	if len(jobs) == 0 || t.envelope.Sender.IsNull() {
		return jobs
	}
	first := len(jobs)
	for _, r := range d.Recipients {
		if r.Verdict != decide.Accept || !wasExpanded(r) {
			continue
		}
		at := first
		for at < len(jobs) && jobs[at].Lane.Tenant != r.Tenant {
			at++
		}
		if at == len(jobs) {
			job := t.job(spool.Lane{Tenant: r.Tenant, Transport: decide.BuiltinExpanded})
			job.N = at
			jobs = append(jobs, job)
		}
		jobs[at].Recipients = append(jobs[at].Recipients, spool.Recipient{
			N: len(jobs[at].Recipients), Final: r.Recipient.Address, Original: r.Recipient.Address,
			Notify: mail.NotifySuccess, ORCPT: r.Recipient.ORCPT,
		})
	}
	return jobs
}

// wasExpanded tells whether a recipient asked for SUCCESS and goes on to some
// who do not.
func wasExpanded(r decide.RecipientDecision) bool {
	return r.Recipient.Notify&mail.NotifySuccess != 0 && slices.ContainsFunc(r.Deliveries, func(leg decide.Delivery) bool {
		return leg.Copy == "" && leg.Notify&mail.NotifySuccess == 0
	})
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

// refusals appends a job for each different refusal.
func (t *Transaction) refusals(d decide.Decision, jobs []spool.Job) []spool.Job {
	first := len(jobs)
	for _, r := range d.Recipients {
		if r.Verdict == decide.Reject {
			jobs = t.refusal(jobs, first, r.Tenant, spool.Recipient{
				Reply: r.Reply,
				Final: r.Recipient.Address, Original: r.Recipient.Address,
				Notify: r.Recipient.Notify, ORCPT: r.Recipient.ORCPT,
			})
		}
		if r.Verdict != decide.Accept {
			continue
		}
		for _, leg := range r.Refused {
			jobs = t.refusal(jobs, first, leg.Tenant, spool.Recipient{
				Reply: leg.Reply, Final: leg.Recipient, Original: leg.Original, Notify: leg.Notify, ORCPT: leg.ORCPT,
			})
		}
	}
	return jobs
}

// refusal puts a recipient into the job of its tenant with the same reply, among
// those from first on.
func (t *Transaction) refusal(jobs []spool.Job, first int, tenant string, r spool.Recipient) []spool.Job {
	text := r.Reply.String() // what the error transport reads its reply from
	at := first
	for at < len(jobs) && (jobs[at].Nexthops[0] != text || jobs[at].Lane.Tenant != tenant) {
		at++
	}
	if at == len(jobs) {
		job := t.job(spool.Lane{Tenant: tenant, Transport: decide.BuiltinError})
		job.N, job.Nexthops = at, []string{text}
		jobs = append(jobs, job)
	}
	r.N = len(jobs[at].Recipients)
	jobs[at].Recipients = append(jobs[at].Recipients, r)
	return jobs
}

// ruleName is the rule as people read it: "route.partner (postroad.hcl:31)".
func ruleName(r decide.Ref) string {
	if r.Source == "" {
		return r.Name
	}
	return r.Name + " (" + r.Source + ")"
}
