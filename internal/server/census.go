package server

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/postroad/postroad/internal/server/control"
	"github.com/postroad/postroad/internal/spool"
)

// ageBounds are the ages in minutes up to which a summary counts, as administrators
// know them from qshape.
func ageBounds() []int { return []int{5, 10, 20, 40, 80, 160, 320, 640, 1280} }

// groupsMost is how many groups a census keeps in memory. Where there are more,
// those with the fewest recipients are given up; one of them that comes again begins
// anew.
const groupsMost = 32 << 10

// census counts jobs by group, in bounded memory.
type census struct {
	by     string
	now    time.Time
	bounds []time.Duration
	most   int

	total  tally
	rest   tally // of the groups that were given up
	given  int   // how many those were
	groups map[groupName]*group
	// missing is how many recipients a group that was given up had at most.
	missing int64
	parts   []part // of the job at hand
}

// groupName names a group; transport is that of a next hop.
type groupName struct{ name, transport string }

type group struct {
	tally
	example string
}

// part of a job that belongs to one group.
type part struct {
	name       groupName
	example    *spool.Recipient
	recipients int
}

func newCensus(by string, now time.Time) *census {
	c := &census{by: by, now: now, most: groupsMost, groups: map[groupName]*group{}}
	for _, m := range ageBounds() {
		c.bounds = append(c.bounds, time.Duration(m)*time.Minute)
	}
	return c
}

// add counts a job.
func (c *census) add(e *spool.Entry) {
	c.count(&c.total, e, e.Waiting)
	c.divide(e)
	for i := range c.parts {
		p := &c.parts[i]
		g := c.groups[p.name]
		if g == nil {
			if len(c.groups) >= c.most {
				c.prune()
			}
			g = &group{}
			if p.example != nil {
				g.example = strings.TrimPrefix(p.example.Remote+": "+p.example.Reply.String(), ": ")
			}
			c.groups[p.name] = g
		}
		c.count(&g.tally, e, p.recipients)
	}
}

// divide finds the groups of a job.
func (c *census) divide(e *spool.Entry) {
	c.parts = c.parts[:0]
	l := &e.Job.Lane
	switch c.by {
	case control.ByTransport:
		c.part(groupName{name: l.Transport}, nil, e.Waiting)
	case control.ByNexthop:
		c.part(groupName{l.Nexthop, l.Transport}, nil, e.Waiting)
	case control.ByTenant:
		c.part(groupName{name: l.Tenant}, nil, e.Waiting)
	case control.BySender:
		c.part(groupName{name: e.Envelope.Sender.String()}, nil, e.Waiting)
	default:
		c.divideRecipients(e)
	}
}

func (c *census) divideRecipients(e *spool.Entry) {
	for i := range e.Job.Recipients {
		r := &e.Job.Recipients[i]
		switch {
		case r.State != spool.Waiting:
		case c.by == control.ByDomain:
			c.part(groupName{name: string(r.Final.Domain)}, nil, 1)
		case r.Reply.IsZero():
			c.part(groupName{name: "not tried yet"}, nil, 1)
		default:
			c.part(groupName{name: replyClass(r)}, r, 1)
		}
	}
}

// replyClass is what replies of one kind have in common; their texts name hosts,
// times and addresses.
func replyClass(r *spool.Recipient) string {
	class := r.Reply
	class.Text = ""
	return strings.TrimSpace(class.String())
}

// part adds recipients of the job to one of its groups.
func (c *census) part(name groupName, example *spool.Recipient, recipients int) {
	for i := range c.parts {
		if c.parts[i].name == name {
			c.parts[i].recipients += recipients
			return
		}
	}
	c.parts = append(c.parts, part{name, example, recipients})
}

// count adds a job with some of its recipients.
func (c *census) count(t *tally, e *spool.Entry, recipients int) {
	j, n := &e.Job, int64(recipients)
	t.jobs++
	t.recipients += n
	if t.last != j.Message {
		t.last = j.Message
		t.messages++
		t.bytes += j.Size
	}
	switch {
	case j.Held:
		t.held++
	case !j.Due.After(c.now):
		t.due++
	}
	if t.oldest.IsZero() || j.Arrived.Before(t.oldest) {
		t.oldest = j.Arrived
	}
	if t.ages == nil {
		t.ages = make([]int64, len(c.bounds)+1)
	}
	at := 0
	for age := c.now.Sub(j.Arrived); at < len(c.bounds) && age >= c.bounds[at]; {
		at++
	}
	t.ages[at] += n
}

// prune gives up the smaller half of the groups.
func (c *census) prune() {
	names := c.ranked()
	names = names[len(names)/2:]
	c.missing += c.groups[names[0]].recipients
	for _, n := range names {
		c.giveUp(n)
	}
}

// ranked gives the groups, those with most recipients first.
func (c *census) ranked() []groupName {
	names := make([]groupName, 0, len(c.groups))
	for n := range c.groups {
		names = append(names, n)
	}
	slices.SortFunc(names, func(a, b groupName) int {
		return cmp.Or(cmp.Compare(c.groups[b].recipients, c.groups[a].recipients),
			cmp.Compare(a.name, b.name), cmp.Compare(a.transport, b.transport))
	})
	return names
}

// giveUp adds a group to the rest.
func (c *census) giveUp(name groupName) {
	c.rest.add(&c.groups[name].tally)
	delete(c.groups, name)
	c.given++
}

// summary tells the largest groups and gives up all others.
func (c *census) summary(limit int) control.Summary {
	names := c.ranked()
	told := names[:min(limit, len(names))]
	for _, n := range names[len(told):] {
		c.giveUp(n)
	}
	s := control.Summary{
		At: c.now, By: c.by, AgeMinutes: ageBounds(), Total: c.total.sum(),
		Groups: make([]control.SummaryGroup, 0, len(told)),
		Rest:   c.rest.sum(), RestGroups: c.given, Missing: c.missing,
	}
	for _, n := range told {
		g := c.groups[n]
		s.Groups = append(s.Groups, control.SummaryGroup{Name: n.name, Transport: n.transport, Example: g.example, Sum: g.sum()})
	}
	return s
}
