package spooltest

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

// Run holds a store against the contract. open gives an empty store for each
// part; the suite closes it.
func Run(t *testing.T, open func(t *testing.T) spool.Store) {
	parts := []struct {
		name string
		run  func(*T)
	}{
		{"commit", testCommit},
		{"commit refuses", testCommitRefuses},
		{"big bodies", testBigBodies},
		{"body outlives message", testBodyOutlives},
		{"draft ends once", testDraftEnds},
		{"lanes", testLanes},
		{"claim order", testClaimOrder},
		{"lease", testLease},
		{"lease that ran out", testLeaseRanOut},
		{"sleep", testSleep},
		{"what is due next", testNextDue},
		{"update", testUpdate},
		{"update ends", testUpdateEnds},
		{"update refuses", testUpdateRefuses},
		{"spawn", testSpawn},
		{"replace", testReplace},
		{"update moves", testMove},
		{"reassign", testReassign},
		{"hold", testHold},
		{"hold during attempt", testHoldDuring},
		{"retry", testRetry},
		{"remove", testRemove},
		{"scan", testScan},
		{"scan details", testScanDetails},
		{"scan during changes", testScanDuring},
		{"count", testCount},
		{"watch", testWatch},
		{"close", testClose},
		{"strange names", testStrangeNames},
		{"many", testMany},
	}
	for _, p := range parts {
		t.Run(p.name, func(t *testing.T) {
			s := open(t)
			defer s.Close()
			p.run(&T{T: t, Store: s})
		})
	}
}

// T is a test with its store and the short words of the suite.
type T struct {
	*testing.T
	spool.Store
}

// lane of the suite's plain jobs.
func lane(nexthop string) spool.Lane { return spool.Lane{Transport: "internet", Nexthop: nexthop} }

// rcpt makes a waiting recipient.
func rcpt(address string) spool.Recipient {
	a, err := mail.ParseAddress(address)
	if err != nil {
		panic(err)
	}
	return spool.Recipient{Final: a}
}

// job makes a job over a lane.
func job(l spool.Lane, due time.Time, to ...string) spool.Job {
	j := spool.Job{Lane: l, Due: due}
	for _, a := range to {
		j.Recipients = append(j.Recipients, rcpt(a))
	}
	return j
}

// from makes an envelope.
func from(sender string) spool.Envelope {
	p, err := mail.ParsePath(sender)
	if err != nil {
		panic(err)
	}
	return spool.Envelope{Sender: p, Helo: "client.example"}
}

func (t *T) ctx() context.Context { return t.Context() }

// now is the time with which the suite reckons, without its monotonic part;
// stores get a real clock.
func (t *T) now() time.Time { return time.Now().UTC().Round(0) }

// past is a due time at which work is ready.
func (t *T) past(ago time.Duration) time.Time { return t.now().Add(-ago) }

func (t *T) must(err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// want fails unless err is of that kind.
func (t *T) want(err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("error = %v, want %v", err, kind)
	}
}

// draft writes a body.
func (t *T) draft(body string) spool.Draft {
	t.Helper()
	d, err := t.Create(t.ctx())
	t.must(err)
	n, err := io.WriteString(d, body)
	t.must(err)
	if n != len(body) {
		t.Fatalf("wrote %d of %d", n, len(body))
	}
	return d
}

// send commits a message.
func (t *T) send(env spool.Envelope, body string, jobs ...spool.Job) spool.ID {
	t.Helper()
	d := t.draft(body)
	t.must(d.Commit(env, jobs))
	return d.ID()
}

// claim takes all due jobs of a lane.
func (t *T) claim(l spool.Lane) []spool.Job {
	t.Helper()
	jobs, err := t.Claim(t.ctx(), spool.ClaimReq{Lane: l, Before: t.now(), Max: 100, LeaseFor: time.Minute})
	t.must(err)
	return jobs
}

// one takes the only due job of a lane.
func (t *T) one(l spool.Lane) spool.Job {
	t.Helper()
	jobs := t.claim(l)
	if len(jobs) != 1 {
		t.Fatalf("%v has %d jobs, want 1", l, len(jobs))
	}
	return jobs[0]
}

// ends makes the outcome in which those recipients end alike.
func ends(s spool.State, n ...int) spool.Outcome {
	var o spool.Outcome
	for _, i := range n {
		o.Changes = append(o.Changes, spool.RecipientChange{N: i, State: s, Reply: mail.Reply{Code: 250, Enhanced: "2.0.0", Text: "ok"}})
	}
	return o
}

// body reads a message back.
func (t *T) body(id spool.ID) string {
	t.Helper()
	env, b, err := t.Open(t.ctx(), id)
	t.must(err)
	defer b.Close()
	if env.Size != b.Size() {
		t.Errorf("envelope says %d octets, body has %d", env.Size, b.Size())
	}
	data, err := io.ReadAll(io.NewSectionReader(b, 0, b.Size()))
	t.must(err)
	return string(data)
}

// gone fails while the message is there.
func (t *T) gone(id spool.ID) {
	t.Helper()
	_, _, err := t.Open(t.ctx(), id)
	t.want(err, spool.ErrNotFound)
}

// list scans.
func (t *T) list(f spool.Filter) []spool.Entry {
	t.Helper()
	var out []spool.Entry
	t.must(t.Scan(t.ctx(), f, func(e spool.Entry) error {
		out = append(out, e)
		return nil
	}))
	return out
}

// names gives the first final recipient's local part of each job, in order.
func names(jobs []spool.Job) string {
	var out []string
	for _, j := range jobs {
		out = append(out, j.Recipients[0].Final.Local)
	}
	return strings.Join(out, " ")
}

func entryNames(list []spool.Entry) string {
	jobs := make([]spool.Job, len(list))
	for i, e := range list {
		jobs[i] = e.Job
	}
	return names(jobs)
}

// dueLanes gives the next hops with due work, in order.
func (t *T) dueLanes() string {
	t.Helper()
	lanes, err := t.Lanes(t.ctx(), t.now(), 100)
	t.must(err)
	var out []string
	for _, l := range lanes {
		out = append(out, l.Lane.Nexthop)
	}
	return strings.Join(out, " ")
}

func equal[V comparable](t *T, what string, got, want V) {
	t.Helper()
	if got != want {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}
