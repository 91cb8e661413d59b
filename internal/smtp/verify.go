package smtp

import "github.com/postroad/postroad/internal/mail"

// Verify asks whether the host would take mail for one recipient: MAIL and RCPT,
// and no message. What is said next over the connection begins with RSET. Where
// the host refuses the sender, the Stage of the reply is StageMail.
func (c *Client) Verify(sender mail.Path, to mail.Address) (RecipientReply, error) {
	t := Transaction{Sender: sender, Recipients: []mail.Recipient{{Address: to}}, SMTPUTF8: !IsASCII(to.Local)}
	x := exchange{c: c, t: &t, out: Outcome{Recipients: make([]RecipientReply, 1)}}
	if x.batch = x.fit(); len(x.batch) == 0 {
		return x.out.Recipients[0], nil
	}
	if c.appendReset() {
		if err := x.say(StageMail, x.readReset); err != nil {
			return RecipientReply{}, err
		}
	}
	c.appendMail(&t)
	if err := x.say(StageMail, func() error { return x.readMail(false) }); err != nil || x.whole.Stage != StageNone {
		return x.whole, err
	}
	c.appendRcpt(t.Recipients[0])
	if err := x.say(StageRcpt, func() error { return x.readRcpt(0) }); err != nil {
		return RecipientReply{}, err
	}
	if len(x.accepted) > 0 {
		return RecipientReply{StageRcpt, mail.Reply{Code: 250}}, nil
	}
	return x.out.Recipients[0], nil
}
