package spooltest

import (
	"context"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"time"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

// full makes an envelope and a job in which every field says something.
func full(at time.Time) (spool.Envelope, spool.Job) {
	a := mail.Address{Local: "list owner", Domain: "xn--bcher-kva.example"}
	env := spool.Envelope{
		Sender: mail.Path{Address: a}, Body: mail.Body8BitMIME, SMTPUTF8: true, Origin: 1, Arrived: at,
		Generation: "f3a1", Client: "2001:db8::1", Helo: "[192.0.2.1]", Login: "staff/ann", Listener: "public",
		MessageID: "<1@example>", Tenant: "acme", Decision: []byte{0, 1, 0xff},
	}
	return env, spool.Job{
		Lane:     spool.Lane{Tenant: "acme", Transport: "internet", Nexthop: "full.example"},
		Nexthops: []string{"10.0.0.1:25", "[::1]:25"}, Edits: []spool.Edit{{At: 6, Len: 3, Text: "b@c"}, {At: 9, Text: "x"}}, Sender: mail.Path{Address: a}, EnvID: "e+2B", Ret: mail.RetFull,
		Body: mail.Body8BitMIME, SMTPUTF8: true, Rule: "route.partner (postroad.hcl:31)", Copy: "copy.archive",
		Expanded: mail.Address{Local: "sales", Domain: "example.com"}, Original: mail.Address{Local: "Sales", Domain: "example.com"},
		Attempts: 3, LastTry: at.Add(-time.Minute), Due: at.Add(-time.Second),
		Recipients: []spool.Recipient{
			{Final: a, Original: mail.Address{Local: "x", Domain: "example.org"}, Notify: mail.NotifyFailure | mail.NotifyDelay,
				ORCPT: "rfc822;x+40example.org", Reply: mail.Reply{Code: 451, Enhanced: "4.3.0", Text: "two\nlines"}, Remote: "mx[192.0.2.9]:25", Warned: true},
			{Final: mail.Address{Local: "postmaster"}},
		},
	}
}

func testCommit(t *T) {
	at := t.past(time.Hour)
	env, j := full(at)
	id := t.send(env, "Subject: x\r\n\r\nbody\r\n", j)
	env.Size = int64(len("Subject: x\r\n\r\nbody\r\n"))
	got, _, err := t.Open(t.ctx(), id)
	t.must(err)
	if !reflect.DeepEqual(got, env) {
		t.Errorf("envelope:\n got %+v\nwant %+v", got, env)
	}
	equal(t, "body", t.body(id), "Subject: x\r\n\r\nbody\r\n")
	back := t.one(j.Lane)
	equal(t, "lease of", back.Lease.Message, id)
	back.Lease = spool.Lease{}
	j.Message, j.Size, j.Arrived, j.Recipients[1].N = id, env.Size, at, 1
	if !reflect.DeepEqual(back, j) {
		t.Errorf("job:\n got %+v\nwant %+v", back, j)
	}
	if again := t.claim(j.Lane); len(again) != 0 {
		t.Errorf("claimed twice: %v", again)
	}
}

func testCommitRefuses(t *T) {
	ended := job(lane("a.example"), time.Time{}, "a@a.example")
	ended.Recipients[0].State = spool.Delivered
	for _, jobs := range [][]spool.Job{nil, {job(lane("a.example"), time.Time{})}, {ended}} {
		d := t.draft("x")
		t.want(d.Commit(from("s@example.org"), jobs), spool.ErrInvalid)
		d.Abort()
		t.gone(d.ID())
	}
	equal(t, "entries", len(t.list(spool.Filter{})), 0)
}

// testBigBodies crosses the sizes at which a store may change how it keeps a
// body.
func testBigBodies(t *T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{0, 1, 4 << 10, 64 << 10, 256<<10 - 1, 256 << 10, 256<<10 + 1, 1<<20 + 7} {
		body := make([]byte, size)
		for i := range body {
			body[i] = byte(rng.Uint32())
		}
		d, err := t.Create(t.ctx())
		t.must(err)
		for rest := body; len(rest) > 0; {
			n := min(len(rest), 1+rng.IntN(70_000))
			_, err := d.Write(rest[:n])
			t.must(err)
			rest = rest[n:]
		}
		t.must(d.Commit(from("s@example.org"), []spool.Job{job(lane("big.example"), time.Time{}, "a@big.example")}))
		if t.body(d.ID()) != string(body) {
			t.Errorf("body of %d octets came back altered", size)
		}
		t.readAnywhere(d.ID(), body, rng)
		j := t.one(lane("big.example"))
		t.must(t.Update(t.ctx(), j.Lease, ends(spool.Delivered, 0), nil))
		t.gone(d.ID())
	}
}

// readAnywhere reads pieces of a body, over its end too.
func (t *T) readAnywhere(id spool.ID, body []byte, rng *rand.Rand) {
	t.Helper()
	_, b, err := t.Open(t.ctx(), id)
	t.must(err)
	defer b.Close()
	for range 20 {
		off := rng.IntN(len(body) + 10)
		p := make([]byte, 1+rng.IntN(100_000))
		n, err := b.ReadAt(p, int64(off))
		want := body[min(off, len(body)):min(off+len(p), len(body))]
		if string(p[:n]) != string(want) || (n < len(p)) != (err == io.EOF) {
			t.Fatalf("ReadAt(%d at %d of %d) = %d, %v", len(p), off, len(body), n, err)
		}
	}
}

func testBodyOutlives(t *T) {
	for _, body := range []string{"small", strings.Repeat("big", 200_000)} {
		id := t.send(from("s@example.org"), body, job(lane("a.example"), time.Time{}, "a@a.example"))
		_, b, err := t.Open(t.ctx(), id)
		t.must(err)
		j := t.one(lane("a.example"))
		t.must(t.Update(t.ctx(), j.Lease, ends(spool.Delivered, 0), nil))
		t.gone(id)
		data, err := io.ReadAll(io.NewSectionReader(b, 0, b.Size()))
		t.must(err)
		if string(data) != body {
			t.Error("body altered after its message went")
		}
		t.must(b.Close())
	}
}

func testDraftEnds(t *T) {
	jobs := []spool.Job{job(lane("a.example"), time.Time{}, "a@a.example")}
	d := t.draft("x")
	t.must(d.Commit(from("s@example.org"), jobs))
	t.want(d.Commit(from("s@example.org"), jobs), spool.ErrInvalid)
	t.want(d.Prepare(from("s@example.org"), jobs), spool.ErrInvalid)
	_, err := d.Write([]byte("more"))
	t.want(err, spool.ErrInvalid)
	d.Abort()
	equal(t, "body after Abort", t.body(d.ID()), "x")

	for _, body := range []string{"x", strings.Repeat("x", 400_000)} {
		d = t.draft(body)
		d.Abort()
		t.want(d.Commit(from("s@example.org"), jobs), spool.ErrInvalid)
		t.gone(d.ID())
		d = t.draft(body)
		t.must(d.Prepare(from("s@example.org"), jobs))
		t.gone(d.ID())
		d.Abort()
		t.gone(d.ID())
	}
	equal(t, "entries", len(t.list(spool.Filter{})), 1)
}

func testWatch(t *T) {
	ctx, cancel := context.WithCancel(t.ctx())
	hints, err := t.Watch(ctx)
	t.must(err)
	due := t.now().Add(time.Hour)
	t.send(from("s@example.org"), "x", job(lane("a.example"), due, "a@a.example"))
	h := <-hints
	equal(t, "lane", h.Lane, lane("a.example"))
	equal(t, "due", h.Due.UnixMicro(), due.UnixMicro())
	// Nobody reads: commits go on.
	for range 2000 {
		t.send(from("s@example.org"), "x", job(lane("a.example"), due, "a@a.example"))
	}
	cancel()
	for range hints {
	}
}

func testClose(t *T) {
	d := t.draft("x")
	t.must(t.Close())
	t.want(d.Commit(from("s@example.org"), []spool.Job{job(lane("a.example"), time.Time{}, "a@a.example")}), spool.ErrUnavailable)
	d.Abort()
	_, err := t.Create(t.ctx())
	t.want(err, spool.ErrUnavailable)
	_, err = t.Lanes(t.ctx(), t.now(), 1)
	t.want(err, spool.ErrUnavailable)
	_, err = t.Claim(t.ctx(), spool.ClaimReq{Lane: lane("a.example"), Before: t.now(), Max: 1})
	t.want(err, spool.ErrUnavailable)
	_, _, err = t.Open(t.ctx(), d.ID())
	t.want(err, spool.ErrUnavailable)
	t.want(t.Scan(t.ctx(), spool.Filter{}, nil), spool.ErrUnavailable)
	t.want(t.Health().Err, spool.ErrUnavailable)
	t.must(t.Close())
}
