package smtp

import (
	"errors"
	"strings"
	"time"

	"github.com/postroad/postroad/internal/mail"
)

// exchange is one Transact under way.
type exchange struct {
	c     *Client
	t     *Transaction
	out   Outcome
	batch []int // recipients of this transaction

	accepted []int          // of batch, at RCPT
	again    []int          // of batch, too many
	whole    RecipientReply // refused as a whole: at MAIL, DATA or the end
	data     mail.Reply     // to DATA; zero when it was not said
}

// run carries out one transaction with the recipients of batch.
func (x *exchange) run() {
	x.accepted, x.again, x.whole, x.data = nil, nil, RecipientReply{}, mail.Reply{}
	var err error
	if x.c.caps.Pipelining {
		err = x.envelopePipelined()
	} else {
		err = x.envelopeInTurn()
	}
	if err == nil && x.data.Code != 0 {
		err = x.content()
	}
	x.out.Err = err
}

// settle gives recipients that have no reply yet the same one.
func (x *exchange) settle(who []int, r RecipientReply) {
	for _, i := range who {
		if x.out.Recipients[i].Stage == StageNone {
			x.out.Recipients[i] = r
		}
	}
}

// envelopePipelined says MAIL, all RCPT and DATA in as few writes as may be.
func (x *exchange) envelopePipelined() error {
	c := x.c
	reset := c.appendReset()
	c.appendMail(x.t)
	first, mailRead := 0, false
	for n, i := range x.batch {
		c.appendRcpt(x.t.Recipients[i])
		last := n == len(x.batch)-1
		if last {
			c.out = append(c.out, "DATA\r\n"...)
		}
		if !last && len(c.out) < groupSize {
			continue
		}
		stage := StageMail
		if mailRead {
			stage = StageRcpt
		}
		if err := c.flush(stage); err != nil {
			return err
		}
		if !mailRead {
			mailRead = true
			if err := x.readMail(reset); err != nil {
				return err
			}
		}
		for ; first <= n; first++ {
			if err := x.readRcpt(x.batch[first]); err != nil {
				return err
			}
		}
		if x.whole.Stage != StageNone && !last {
			return nil
		}
	}
	return x.readData()
}

// envelopeInTurn waits for each reply, for hosts without PIPELINING.
func (x *exchange) envelopeInTurn() error {
	c := x.c
	reset := c.appendReset()
	if reset {
		if err := x.say(StageMail, x.readReset); err != nil {
			return err
		}
	}
	c.appendMail(x.t)
	if err := x.say(StageMail, func() error { return x.readMail(false) }); err != nil || x.whole.Stage != StageNone {
		return err
	}
	for _, i := range x.batch {
		c.appendRcpt(x.t.Recipients[i])
		if err := x.say(StageRcpt, func() error { return x.readRcpt(i) }); err != nil {
			return err
		}
	}
	if len(x.accepted) == 0 {
		return nil
	}
	c.out = append(c.out, "DATA\r\n"...)
	return x.say(StageData, x.readData)
}

func (x *exchange) say(s Stage, then func() error) error {
	if err := x.c.flush(s); err != nil {
		return err
	}
	return then()
}

func (x *exchange) readReset() error {
	r, err := x.c.read(StageMail)
	if err == nil && !r.Positive() {
		return x.c.refused(StageMail, r)
	}
	return err
}

func (x *exchange) readMail(reset bool) error {
	if reset {
		if err := x.readReset(); err != nil {
			return err
		}
	}
	r, err := x.c.readFinal(StageMail)
	if err == nil && !r.Positive() {
		x.whole = RecipientReply{StageMail, r}
		x.settle(x.batch, x.whole)
	}
	return err
}

func (x *exchange) readRcpt(i int) error {
	r, err := x.c.readFinal(StageRcpt)
	switch {
	case err != nil:
		return err
	case x.whole.Stage != StageNone: // MAIL was refused, RCPT is then out of order
	case r.Positive():
		x.accepted = append(x.accepted, i)
	case len(x.accepted) > 0 && tooMany(r):
		x.again = append(x.again, i)
	default:
		x.out.Recipients[i] = RecipientReply{StageRcpt, r}
	}
	return nil
}

// tooMany tells a full transaction from a full mailbox or a full host
// (RFC 5321 s4.5.3.1.10 knows 452, and 552 from older hosts).
func tooMany(r mail.Reply) bool {
	if r.Code != 452 && r.Code != 552 {
		return false
	}
	return !strings.HasSuffix(r.Enhanced, ".2.2") && !strings.HasSuffix(r.Enhanced, ".3.1")
}

// readData reads the reply to DATA. A host that wants the message although it
// took no recipient gets an empty one (RFC 2920 s3.1).
func (x *exchange) readData() error {
	r, err := x.c.read(StageData)
	if err != nil {
		return err
	}
	if r.Code == 354 {
		x.data = r
		return nil
	}
	if r.Code < 400 {
		return x.c.garbage(StageData)
	}
	if len(x.accepted) > 0 {
		x.whole = RecipientReply{StageData, r}
		x.settle(x.accepted, x.whole)
	}
	return nil
}

// content sends the message and reads what became of it.
func (x *exchange) content() error {
	c := x.c
	if len(x.accepted) == 0 {
		// After this the two ends may not agree on what was sent.
		c.spent = true
		c.out = append(c.out, ".\r\n"...)
		if err := c.flush(StageEnd); err != nil || c.o.Protocol == ProtocolLMTP {
			return nil
		}
		_, _ = c.read(StageEnd)
		return nil
	}
	sent, err := c.sendContent(x.t)
	if err != nil {
		x.out.Sent = sent
		return x.lastWords(err)
	}
	x.out.Sent = true
	if err := c.conn.SetDeadline(time.Now().Add(c.o.Data)); err != nil {
		c.lost = true
		return &ClientError{Stage: StageEnd, Cause: err}
	}
	if err := x.readEnd(); err != nil {
		return err
	}
	x.out.Sent, c.dirty = false, false
	return nil
}

// readEnd reads the reply to the final dot, or in LMTP one for each accepted
// recipient in their order (RFC 2033 s4.2).
func (x *exchange) readEnd() error {
	if x.c.o.Protocol == ProtocolLMTP {
		for _, i := range x.accepted {
			r, err := x.c.readEnd()
			if r.Code != 0 {
				x.out.Recipients[i] = RecipientReply{StageEnd, r}
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	r, err := x.c.readEnd()
	if r.Code != 0 {
		x.settle(x.accepted, RecipientReply{StageEnd, r})
	}
	if err == nil && !r.Positive() {
		x.whole = RecipientReply{StageEnd, r}
	}
	return err
}

// lastWords looks for a reply of a host that stopped taking the message, which
// says more than the broken connection does.
func (x *exchange) lastWords(err error) error {
	if errors.Is(err, ErrContent) {
		return err
	}
	_ = x.c.conn.SetReadDeadline(time.Now().Add(time.Second))
	if r, rerr := ReadReply(x.c.br); rerr == nil && r.Code >= 400 && r.Code != 421 {
		x.settle(x.accepted, RecipientReply{StageEnd, r})
	}
	return err
}

// readFinal reads a reply that must be yes or no.
func (c *Client) readFinal(s Stage) (mail.Reply, error) {
	r, err := c.read(s)
	if err == nil && r.Code >= 300 && r.Code < 400 {
		err = c.garbage(s)
	}
	return r, err
}

// readEnd is readFinal that keeps the 421, since there it is an answer.
func (c *Client) readEnd() (mail.Reply, error) {
	r, err := c.readFinal(StageEnd)
	if err != nil && r.Code != 421 {
		return mail.Reply{}, err
	}
	return r, err
}

func (c *Client) garbage(s Stage) error {
	c.lost = true
	return &ClientError{Stage: s, Cause: ErrReply}
}
