package deliver

import (
	"context"
	"errors"
	"slices"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/smtp"
	"github.com/postroad/postroad/internal/spool"
)

// offer runs a transaction for each copy over a session and judges what is said.
// It gives false when a session from the pool died before it heard of the message:
// then nothing happened, and a new connection to the same host is due.
func (r *run) offer(ctx context.Context, s *session) bool {
	if r.probing {
		return r.verify(ctx, s)
	}
	if f, state, ok := r.fits(s); !ok {
		r.unfit(s, f, state)
		r.leave(s)
		return true
	}
	copies := r.copies()
	for n, who := range copies {
		t := r.transaction(s, who)
		stop := context.AfterFunc(ctx, func() { _ = s.raw.Close() })
		out := s.Transact(&t)
		alive := stop()
		if n == 0 && s.reused && isStale(out) && alive {
			s.Quit()
			return false
		}
		r.spoke = true
		for k, i := range who {
			r.slots[i].at = s.remote
			r.judge(i, out, k, s)
		}
		if out.Err != nil {
			r.cut(slices.Concat(copies[n+1:]...), s.remote)
			break
		}
	}
	r.leave(s)
	return true
}

// cut notes for recipients that a session ended before their copy was offered.
func (r *run) cut(who []int, remote string) {
	for _, i := range who {
		r.slots[i].at = remote
		r.fail(i, failure{reply: mail.Reply{Code: 451, Enhanced: "4.4.2", Text: "lost connection before the message"}})
	}
}

// leave keeps a session for the next job, where that may be.
func (r *run) leave(s *session) {
	if r.t.Reuse {
		r.d.pool.put(s)
	} else {
		s.Quit()
	}
}

// isStale tells whether a session had ended before the reply to MAIL.
func isStale(out smtp.Outcome) bool {
	var e *smtp.ClientError
	return errors.As(out.Err, &e) && e.Stage == smtp.StageMail
}

// judge puts what was said about the k-th recipient of a transaction, the i-th
// of the job, into effect.
func (r *run) judge(i int, out smtp.Outcome, k int, s *session) {
	said := out.Recipients[k]
	if said.Stage == smtp.StageNone {
		r.unanswered(i, out, s)
		return
	}
	reply := smtp.ClipReply(said.Reply, replyMax)
	switch judge(said) {
	case delivered:
		r.took, r.tls = true, tlsName(s.TLS())
		r.noDSN = r.noDSN || !s.Capabilities().DSN
		r.settle(i, spool.Delivered, reply, s.remote)
	case bounce:
		r.unwelcome(i, said, reply, s.remote)
	default:
		said.Reply = reply
		r.fail(i, failure{reply: asSoft(said), remote: s.remote})
	}
}

// replyMax octets of a reply are kept with a recipient.
const replyMax = 1000

// unanswered deals with a recipient to whom the dialogue did not come.
func (r *run) unanswered(i int, out smtp.Outcome, s *session) {
	var e *smtp.ClientError
	if !errors.As(out.Err, &e) {
		e = &smtp.ClientError{Stage: smtp.StageEnd, Cause: smtp.ErrReply}
	}
	switch {
	case errors.Is(e, smtp.ErrContent):
		r.settle(i, spool.Waiting, mail.Reply{Code: 451, Enhanced: "4.3.0", Text: "message cannot be read from the spool"}, "")
	case out.Sent:
		// The host may have the message: another one at once would nearly
		// certainly make a second copy (RFC 1047).
		r.settle(i, spool.Waiting, mail.Reply{Code: 451, Enhanced: "4.4.2", Text: "lost connection after end of data"}, s.remote)
	case e.Reply.Code != 0:
		r.fail(i, failure{reply: smtp.ClipReply(e.Reply, replyMax), remote: s.remote})
	default:
		r.fail(i, lostFailure(e))
	}
}

// transaction for the recipients that are left.
func (r *run) transaction(s *session, who []int) smtp.Transaction {
	j := &r.a.Job
	t := smtp.Transaction{
		Sender: j.Sender, EnvID: j.EnvID, Ret: j.Ret, Body: j.Body,
		SMTPUTF8: s.Capabilities().SMTPUTF8 && (j.SMTPUTF8 || r.needsUTF8()),
		Prefix:   r.kept(r.slots[who[0]].rcpt, r.edits()), Content: r.a.Body, Size: r.a.Body.Size(),
		Plain:      r.a.Envelope.Plain && len(j.Edits) == 0,
		Recipients: make([]mail.Recipient, len(who)),
	}
	for k, i := range who {
		rcpt := &r.slots[i].rcpt
		t.Recipients[k] = mail.Recipient{Address: rcpt.Final, Notify: rcpt.Notify, ORCPT: rcpt.ORCPT}
	}
	return t
}

// fits holds the message against what the host offers. state is what becomes of
// the recipients when it does not fit: Failed at once, or Waiting for what the
// other hosts say.
func (r *run) fits(s *session) (failure, spool.State, bool) {
	c := s.Capabilities()
	size := r.a.Body.Size() + int64(len(r.edits()))
	if c.SizeMax > 0 && size > c.SizeMax {
		// What MAIL would be told (RFC 1870 s6.1), which bounces too.
		return failure{reply: mail.Reply{Code: 552, Enhanced: "5.3.4", Text: "message is bigger than the host takes"}}, spool.Failed, false
	}
	if !c.SMTPUTF8 && r.needsUTF8() {
		f := failure{reply: mail.Reply{Code: 550, Enhanced: "5.6.7", Text: "host does not take internationalised mail"}, final: "5.6.7", unanimous: true}
		return f, spool.Waiting, false
	}
	return failure{}, spool.Waiting, true
}

func (r *run) unfit(s *session, f failure, state spool.State) {
	r.spoke = true
	if state == spool.Waiting {
		r.failAll(f, s.remote)
		return
	}
	for i := range r.slots {
		r.settle(i, state, f.reply, "")
	}
}
