package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

// from gives a sender; reports to it go to its host.
func (w *world) from(n int) mail.Path {
	h := w.hosts[n%len(w.hosts)]
	return mail.Path{Address: mail.Address{Local: fmt.Sprint("s", n), Domain: h.domain()}}
}

// letter is a message to some hosts.
func (w *world) letter() {
	from, tenant := w.from(w.rnd.IntN(w.nature.senders)), w.tenant()
	if w.chance(0.03) {
		from = mail.Path{}
	}
	to := map[*host]int{}
	for range 1 + w.rnd.IntN(3)*w.rnd.IntN(2) {
		n := 1
		if w.chance(0.2) {
			n = w.some(2, 40)
		}
		to[w.anyHost()] = n
	}
	w.post(tenant, from, to, false)
}

// bulk is one sender's mass of mail to one host, a little at a time. Others
// write meanwhile, and are not to wait for it.
func (w *world) bulk() {
	h, from, tenant := w.anyHost(), w.from(0), w.tenant()
	if w.chance(0.7) {
		h = w.hosts[0] // steady
	}
	n, step := w.some(100, 300), w.pause(100*time.Millisecond, 4*time.Second)
	w.tell("bulk of %d to %v", n, h.lane(tenant))
	for i := range n {
		w.in(time.Duration(i/20)*step, func() { w.post(tenant, from, map[*host]int{h: 1}, false) })
	}
	for i := 1; i <= 4; i++ {
		other := tenant
		if w.chance(0.5) {
			other = w.tenant()
		}
		w.in(w.pause(3*time.Second, time.Minute), func() {
			w.post(other, w.from(1000+w.rnd.IntN(1000)), map[*host]int{h: 1}, h.kind == hostSteady)
		})
	}
}

// post commits a message, with a job for each host.
func (w *world) post(tenant string, from mail.Path, to map[*host]int, light bool) {
	d, err := w.store.Create(context.Background())
	if err != nil {
		return // and was not accepted
	}
	body := make([]byte, 100)
	if w.chance(0.03) && !light {
		body = make([]byte, w.some(smallSize, 3*smallSize))
	}
	if _, err := d.Write(body); err != nil {
		w.failf("write: %v", err)
	}
	var jobs []spool.Job
	for _, h := range w.hosts {
		if to[h] == 0 {
			continue
		}
		j := spool.Job{Lane: h.lane(tenant), Sender: from}
		for range to[h] {
			j.Recipients = append(j.Recipients, w.book.address(h))
		}
		jobs = append(jobs, j)
	}
	if err := d.Commit(spool.Envelope{Sender: from, Tenant: tenant}, jobs); err != nil {
		w.failf("commit: %v", err)
	}
	w.messages++
	for n := range jobs {
		t := w.book.ticket(job{d.ID(), n})
		t.light, t.arrived = light, time.Now()
		w.book.count(jobs[n].Lane, 1)
		for _, r := range jobs[n].Recipients {
			w.book.accepts(r, from)
		}
	}
}

// Notify makes reports, as internal/report does: none to who wants none.
func (w *world) Notify(ctx context.Context, n Notice, _ spool.Body) (spool.Draft, error) {
	if w.chance(w.nature.quirks) {
		return nil, errors.New("tables do not answer")
	}
	if isMute(n.Job.Sender) {
		return nil, nil
	}
	inner, err := w.store.CreateReport(ctx)
	if err != nil {
		return nil, err
	}
	h := w.hostOf(spool.Lane{Nexthop: string(n.Job.Sender.Address.Domain)})
	j := spool.Job{Lane: h.lane(n.Job.Lane.Tenant), Recipients: []spool.Recipient{w.book.address(h)}}
	d := inner.(*simDraft)
	d.kind, d.to, d.lane = n.Kind, j.Recipients[0], j.Lane
	for _, r := range n.Recipients {
		d.about = append(d.about, w.book.of(r))
	}
	w.process.drafts = append(w.process.drafts, d)
	return d, d.Prepare(spool.Envelope{Tenant: j.Lane.Tenant}, []spool.Job{j})
}

// isMute tells senders to whom no report may be sent.
func isMute(p mail.Path) bool { return p.Address.Local == "s3" }
