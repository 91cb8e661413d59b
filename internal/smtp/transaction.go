package smtp

import (
	"errors"
	"io"

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
	// Plain: all lines of Content end in CR LF and none begins with a dot. It is
	// not looked at again on its way from memory.
	Plain bool
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
