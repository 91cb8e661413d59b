package deliver

import (
	"context"
	"errors"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/smtp"
	"github.com/postroad/postroad/internal/spool"
	"github.com/postroad/postroad/internal/table"
)

// Probe asks the hosts of a transport about one recipient, without a message.
type Probe struct {
	Config    *config.Config
	Transport string
	Tenant    string
	Sender    mail.Path
	Recipient mail.Address
}

// Probed is the answer. TryLater: nobody said yes or no.
type Probed struct {
	Status  table.Status
	Reply   mail.Reply
	Remote  string
	Reached bool // a host spoke about sender or recipient
	Away    bool // none of the hosts could be connected to, or said a word in time
}

// Probe tries the hosts in the order of an attempt until one says yes or no, each
// for its share of the time that ctx leaves.
// A refusal for reasons of policy (RFC 3463 X.7) is about us, and one of the
// sender says nothing of the recipient: neither is a no.
func (d *Deliverer) Probe(ctx context.Context, p Probe) Probed {
	a := queue.Attempt{Job: spool.Job{
		Lane: spool.Lane{Tenant: p.Tenant, Transport: p.Transport}, Sender: p.Sender,
		Recipients: []spool.Recipient{{Final: p.Recipient}},
	}}
	r := d.newRun(a)
	r.cfg, r.t, r.probing = p.Config, p.Config.Transports[p.Transport], true
	if r.t == nil {
		return Probed{Reply: mail.Reply{Code: 451, Enhanced: "4.3.5", Text: ErrNoTransport.Error()}}
	}
	if r.t.Kind == decide.KindMX {
		r.a.Job.Lane.Nexthop = string(p.Recipient.Domain)
	}
	r.hosts(ctx)
	away := r.tried && !r.spoke && !r.heard && !errors.Is(ctx.Err(), context.Canceled)
	r.conclude(ctx)
	s := &r.slots[0]
	out := Probed{Reply: s.reply, Remote: s.remote, Reached: r.spoke, Away: away}
	switch {
	case s.state == spool.Delivered:
		out.Status = table.Found
	case s.state == spool.Failed && r.spoke:
		out.Status = table.NotFound
	}
	return out
}

// verify is offer for a probe.
func (r *run) verify(ctx context.Context, s *session) bool {
	stop := context.AfterFunc(ctx, func() { _ = s.raw.Close() })
	said, err := s.Verify(r.a.Job.Sender, r.slots[0].rcpt.Final)
	alive := stop()
	var e *smtp.ClientError
	if s.reused && alive && errors.As(err, &e) && e.Stage == smtp.StageMail {
		s.Quit()
		return false
	}
	switch {
	case errors.As(err, &e) && e.Reply.Code == 0:
		r.fail(0, lostFailure(e))
	case errors.As(err, &e):
		r.spoke = true
		r.fail(0, failure{reply: e.Reply, remote: s.remote})
	default:
		r.spoke = true
		r.believe(said, s.remote)
	}
	r.leave(s)
	return true
}

// believe takes what a host said of the recipient.
func (r *run) believe(said smtp.RecipientReply, remote string) {
	reply := smtp.ClipReply(said.Reply, replyMax)
	policy := len(reply.Enhanced) > 3 && reply.Enhanced[:4] == "5.7."
	switch {
	case said.Stage == smtp.StageRcpt && reply.Positive():
		r.settle(0, spool.Delivered, reply, remote)
	case said.Stage == smtp.StageRcpt && reply.Permanent() && !policy && !isCrowded(said):
		r.settle(0, spool.Failed, reply, remote)
	default:
		r.fail(0, failure{reply: reply, remote: remote})
	}
}
