package smtp

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/postroad/postroad/internal/mail"
)

// Bounds of one transaction on the wire.
const (
	// recipientsMax: every host takes a hundred (RFC 5321 s4.5.3.1.8); more need
	// its word (RFC 9422).
	recipientsMax      = 100
	recipientsMaxKnown = 1000
	// groupSize: that much is written before replies are read, so that two ends
	// never wait for each other with full windows (RFC 2920 s3.1).
	groupSize = 8 << 10
)

// ErrContent means that the message could not be read to its end.
var ErrContent = errors.New("smtp: message cannot be read")

// Transaction is one message for some recipients. Parameters that the host did
// not offer are left out; a message with octets above 127 goes as it is to a host
// without 8BITMIME, as nearly all of them take it, since an own conversion would
// break its signatures.
type Transaction struct {
	Sender     mail.Path
	Recipients []mail.Recipient
	EnvID      string
	Ret        mail.Ret
	Body       mail.BodyType
	SMTPUTF8   bool   // say SMTPUTF8, where offered
	Prefix     []byte // whole header lines that go before the content
	Content    io.ReaderAt
	Size       int64 // of Content
}

// RecipientReply is the last word on one recipient, and the stage at which it
// was said. StageNone: none was, and Outcome.Err says why.
type RecipientReply struct {
	Stage Stage
	Reply mail.Reply
}

// Accepted tells whether the host took responsibility for the message.
func (r RecipientReply) Accepted() bool { return r.Stage == StageEnd && r.Reply.Positive() }

// Outcome of Transact.
type Outcome struct {
	Recipients []RecipientReply // by index of Transaction.Recipients
	// Err is a *ClientError when the dialogue ended before its end.
	Err error
	// Sent: Err came after the final dot had been given to the connection. Who
	// has no reply may have the message all the same.
	Sent bool
}

// Transact offers a message. Where the host says that there are too many
// recipients, the rest follow in a transaction of their own, as do those above
// what it is known to take.
func (c *Client) Transact(t *Transaction) Outcome {
	x := exchange{c: c, t: t, out: Outcome{Recipients: make([]RecipientReply, len(t.Recipients))}}
	todo := x.fit()
	limit := c.recipientLimit()
	for len(todo) > 0 && x.out.Err == nil {
		x.batch = todo[:min(limit, len(todo))]
		rest := todo[len(x.batch):]
		x.run()
		if x.whole.Stage != StageNone {
			x.settle(rest, x.whole)
			x.settle(x.again, x.whole)
			break
		}
		if len(x.again) > 0 {
			limit = len(x.accepted)
		}
		todo = append(x.again, rest...)
	}
	return x.out
}

// fit gives the recipients that can be said in a command at all. The others are
// refused here: an address is never changed to make it fit.
func (x *exchange) fit() []int {
	unfit := mail.Reply{Code: 553, Enhanced: "5.1.3", Text: "address cannot be sent over SMTP"}
	sender := x.t.Sender.IsNull() || fitAddress(x.t.Sender.Address)
	todo := make([]int, 0, len(x.t.Recipients))
	for i, r := range x.t.Recipients {
		if sender && fitAddress(r.Address) {
			todo = append(todo, i)
		} else {
			x.out.Recipients[i] = RecipientReply{StageRcpt, unfit}
		}
	}
	return todo
}

func (c *Client) recipientLimit() int {
	if c.caps.RcptMax > 0 {
		return min(c.caps.RcptMax, recipientsMaxKnown)
	}
	return recipientsMax
}

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
		if err := c.flush(StageMail); err != nil {
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
		if err := x.say(x.readReset); err != nil {
			return err
		}
	}
	c.appendMail(x.t)
	if err := x.say(func() error { return x.readMail(false) }); err != nil || x.whole.Stage != StageNone {
		return err
	}
	for _, i := range x.batch {
		c.appendRcpt(x.t.Recipients[i])
		if err := x.say(func() error { return x.readRcpt(i) }); err != nil {
			return err
		}
	}
	if len(x.accepted) == 0 {
		return nil
	}
	c.out = append(c.out, "DATA\r\n"...)
	return x.say(x.readData)
}

func (x *exchange) say(then func() error) error {
	if err := x.c.flush(StageMail); err != nil {
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

// sendContent writes the message with its final dot. sent tells whether the dot
// may have left.
func (c *Client) sendContent(t *Transaction) (sent bool, err error) {
	buf := c.o.Buffers.get(c.conn, c.o.Command)
	defer c.o.Buffers.put(buf)
	dot := NewDotWriter(buf.w)
	_, _ = dot.Write(t.Prefix)
	for off := int64(0); off < t.Size; {
		n, rerr := t.Content.ReadAt(buf.block[:min(int64(len(buf.block)), t.Size-off)], off)
		if n == 0 {
			c.lost = true
			return false, &ClientError{Stage: StageData, Cause: errors.Join(ErrContent, rerr)}
		}
		off += int64(n)
		if _, err := dot.Write(buf.block[:n]); err != nil {
			c.lost = true
			return false, &ClientError{Stage: StageData, Cause: err}
		}
	}
	_ = dot.Close()
	if err := buf.w.Flush(); err != nil {
		c.lost = true
		return true, &ClientError{Stage: StageEnd, Cause: err}
	}
	return true, nil
}

// appendReset puts RSET before a transaction when the one before was not
// finished.
func (c *Client) appendReset() bool {
	c.out = c.out[:0]
	dirty := c.dirty
	c.dirty = true
	if dirty {
		c.out = append(c.out, "RSET\r\n"...)
	}
	return dirty
}

func (c *Client) appendMail(t *Transaction) {
	c.out = append(c.out, "MAIL FROM:<"...)
	if !t.Sender.IsNull() {
		c.out = append(c.out, t.Sender.Address.String()...)
	}
	c.out = append(c.out, '>')
	if c.caps.Size {
		c.out = append(c.out, " SIZE="...)
		c.out = strconv.AppendInt(c.out, t.Size+int64(len(t.Prefix)), 10)
	}
	if c.caps.EightBit && t.Body == mail.Body8BitMIME {
		c.out = append(c.out, " BODY=8BITMIME"...)
	}
	if c.caps.SMTPUTF8 && t.SMTPUTF8 {
		c.out = append(c.out, " SMTPUTF8"...)
	}
	if c.caps.DSN {
		c.out = appendRet(c.out, t.Ret)
		c.out = appendParameter(c.out, " ENVID=", t.EnvID)
	}
	c.out = append(c.out, "\r\n"...)
}

func (c *Client) appendRcpt(r mail.Recipient) {
	c.out = append(c.out, "RCPT TO:<"...)
	c.out = append(c.out, r.Address.String()...)
	c.out = append(c.out, '>')
	if c.caps.DSN {
		c.out = appendNotify(c.out, r.Notify)
		c.out = appendParameter(c.out, " ORCPT=", r.ORCPT)
	}
	c.out = append(c.out, "\r\n"...)
}
