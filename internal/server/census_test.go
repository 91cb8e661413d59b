package server

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/server/control"
	"github.com/postroad/postroad/internal/spool"
)

var censusNow = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// censusJob is a job of a message for recipients who have heard a reply.
func censusJob(message byte, transport string, age time.Duration, to ...spool.Recipient) *spool.Entry {
	e := &spool.Entry{Job: spool.Job{
		Message: spool.ID{message}, Lane: spool.Lane{Transport: transport, Nexthop: string(to[0].Final.Domain)},
		Size: 1000, Arrived: censusNow.Add(-age), Due: censusNow.Add(time.Hour), Recipients: to,
	}}
	e.Envelope.Sender.Address = mail.Address{Local: "s", Domain: "src.test"}
	for _, r := range to {
		if r.State == spool.Waiting {
			e.Waiting++
		}
	}
	return e
}

func censusRecipient(domain string, reply string) spool.Recipient {
	r := spool.Recipient{Final: mail.Address{Local: "u", Domain: mail.Domain(domain)}}
	if reply != "" {
		r.Remote, r.Reply = "mx."+domain, mail.Reply{Code: 451, Enhanced: "4.7.1", Text: reply}
	}
	return r
}

func TestCensus(t *testing.T) {
	gone := censusRecipient("a.test", "")
	gone.State = spool.Delivered
	held := censusJob(3, "rare", 30*time.Hour, censusRecipient("c.test", "later 9"))
	held.Job.Held = true
	due := censusJob(2, "internet", 5*time.Minute, censusRecipient("a.test", "later 7"))
	due.Job.Due = censusNow
	entries := []*spool.Entry{
		censusJob(1, "internet", 299*time.Second, censusRecipient("a.test", ""), censusRecipient("b.test", ""), gone),
		censusJob(1, "internet", 299*time.Second, censusRecipient("a.test", "")),
		due, held,
	}
	for by, want := range map[string]string{
		control.ByTransport: "internet 2/3/4/2000 held 0 due 1 [3 1 0 0 0 0 0 0 0 0], rare 1/1/1/1000 held 1 due 0 [0 0 0 0 0 0 0 0 0 1]",
		control.ByNexthop:   "a.test of internet 2/3/4/2000 held 0 due 1 [3 1 0 0 0 0 0 0 0 0], c.test of rare 1/1/1/1000 held 1 due 0 [0 0 0 0 0 0 0 0 0 1]",
		control.ByDomain: "a.test 2/3/3/2000 held 0 due 1 [2 1 0 0 0 0 0 0 0 0], b.test 1/1/1/1000 held 0 due 0 [1 0 0 0 0 0 0 0 0 0], " +
			"c.test 1/1/1/1000 held 1 due 0 [0 0 0 0 0 0 0 0 0 1]",
		control.ByReason: "not tried yet 1/2/3/1000 held 0 due 0 [3 0 0 0 0 0 0 0 0 0], " +
			"451 4.7.1 (mx.a.test: 451 4.7.1 later 7) 2/2/2/2000 held 1 due 1 [0 1 0 0 0 0 0 0 0 1]",
		control.BySender: "s@src.test 3/4/5/3000 held 1 due 1 [3 1 0 0 0 0 0 0 0 1]",
		control.ByTenant: " 3/4/5/3000 held 1 due 1 [3 1 0 0 0 0 0 0 0 1]",
	} {
		c := newCensus(by, censusNow)
		for _, e := range entries {
			c.add(e)
		}
		s := c.summary(20)
		if got := groupsText(s); got != want {
			t.Errorf("by %s:\n%s\nwant\n%s", by, got, want)
		}
		if got := sumText(&s.Total); got != "3/4/5/3000 held 1 due 1 [3 1 0 0 0 0 0 0 0 1]" || !s.Total.Oldest.Equal(censusNow.Add(-30*time.Hour)) {
			t.Errorf("by %s, total %s", by, got)
		}
	}
}

func groupsText(s control.Summary) (text string) {
	for i, g := range s.Groups {
		if i > 0 {
			text += ", "
		}
		text += g.Name
		if g.Transport != "" {
			text += " of " + g.Transport
		}
		if g.Example != "" {
			text += " (" + g.Example + ")"
		}
		text += " " + sumText(&g.Sum)
	}
	return text
}

func sumText(s *control.Sum) string {
	return fmt.Sprintf("%d/%d/%d/%d held %d due %d %v", s.Messages, s.Jobs, s.Recipients, s.Bytes, s.Held, *s.Due, s.Ages)
}

// What does not fit into memory or onto the page is in the rest, and nothing counts
// twice: the largest groups are found, and how wrong each may be is told.
func TestCensusOfManyGroups(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	truth := map[string]int64{}
	c := newCensus(control.ByNexthop, censusNow)
	c.most = 40
	for i := range 20_000 {
		name := fmt.Sprintf("host%d.test", r.IntN(2000))
		if i%4 == 0 {
			name = fmt.Sprintf("large%d.test", r.IntN(5))
		}
		truth[name]++
		e := censusJob(0, "internet", 0, censusRecipient(name, ""))
		e.Job.Message = spool.ID{1, byte(i >> 8), byte(i)}
		if c.add(e); len(c.groups) > c.most {
			t.Fatalf("%d groups in memory", len(c.groups))
		}
	}
	s := c.summary(5)
	sum := s.Rest.Recipients
	for _, g := range s.Groups {
		sum += g.Recipients
		if missing := truth[g.Name] - g.Recipients; missing < 0 || missing > s.Missing {
			t.Errorf("%s has %d, not %d, and at most %d are missing", g.Name, truth[g.Name], g.Recipients, s.Missing)
		}
		if truth[g.Name] < 500 {
			t.Errorf("%s with %d is among the largest", g.Name, truth[g.Name])
		}
	}
	if sum != 20_000 || s.Total.Recipients != 20_000 || s.Missing == 0 {
		t.Errorf("%d in groups and rest, %d in all, %d missing", sum, s.Total.Recipients, s.Missing)
	}
}

// The shape is read by programs.
func TestSummaryJSON(t *testing.T) {
	c := newCensus(control.ByReason, censusNow)
	c.add(censusJob(1, "internet", time.Minute, censusRecipient("a.test", "later")))
	b, err := json.Marshal(c.summary(1))
	want := `{"at":"2026-03-01T12:00:00Z","by":"reason","ageMinutes":[5,10,20,40,80,160,320,640,1280],` +
		`"total":{"messages":1,"jobs":1,"recipients":1,"bytes":1000,"held":0,"due":0,"oldest":"2026-03-01T11:59:00Z","ages":[1,0,0,0,0,0,0,0,0,0]},` +
		`"groups":[{"name":"451 4.7.1","example":"mx.a.test: 451 4.7.1 later",` +
		`"messages":1,"jobs":1,"recipients":1,"bytes":1000,"held":0,"due":0,"oldest":"2026-03-01T11:59:00Z","ages":[1,0,0,0,0,0,0,0,0,0]}],` +
		`"rest":{"messages":0,"jobs":0,"recipients":0,"bytes":0,"held":0,"due":0,"oldest":"0001-01-01T00:00:00Z"},"restGroups":0,"missing":0,"paused":null}`
	if err != nil || string(b) != want {
		t.Errorf("%s\nwant\n%s, %v", b, want, err)
	}
	if !slices.IsSorted(ageBounds()) {
		t.Error("the ages are in no order")
	}
}
