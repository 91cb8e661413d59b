package report

import (
	"bytes"
	"strings"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/spool"
)

// words is what a kind of report says.
type words struct {
	action  string // RFC 3464 s2.3.3
	subject string
	intro   string // before the recipients
	outlook string // after them: what happens next
}

func wordsOf(kind queue.NoticeKind) words {
	switch kind {
	case queue.NoticeDelayed:
		return words{"delayed", "Your message is delayed",
			"could not be delivered yet to",
			"There is nothing for you to do: delivery will be tried again"}
	case queue.NoticeRelayed:
		return words{"relayed", "Your message was relayed",
			"was handed to a mail system that sends no confirmations, for",
			"You may get no further word of it."}
	case queue.NoticeDelivered:
		return words{"delivered", "Your message was delivered",
			"was delivered to",
			"This is the confirmation that was asked for."}
	case queue.NoticeExpanded:
		return words{"expanded", "Your message was passed on",
			"was accepted and passed on to the members of",
			"You will hear of those members to whom it cannot be delivered."}
	default:
		return words{"failed", "Your message could not be delivered",
			"could not be delivered to",
			"No further attempt will be made for the addresses above. To reach them,\r\n" +
				"correct what is wrong and send the message again."}
	}
}

// humanText writes the part for people: which address, what was said, what
// happens next.
func (c *composer) humanText() []byte {
	var b bytes.Buffer
	n := c.in.Notice
	b.WriteString("This is the mail system of " + string(c.in.Hostname) + ".\r\n\r\n")
	b.WriteString("Your message")
	if !n.Envelope.Arrived.IsZero() {
		b.WriteString(" of " + date(n.Envelope.Arrived))
	}
	b.WriteString("\r\n" + c.words.intro + ":\r\n")
	for _, r := range n.Recipients {
		c.recipientText(&b, r)
	}
	b.WriteString("\r\n" + c.words.outlook)
	if n.Kind == queue.NoticeDelayed {
		if !n.WillRetryUntil.IsZero() {
			b.WriteString("\r\nuntil " + date(n.WillRetryUntil))
		}
		b.WriteString(".")
	}
	b.WriteString("\r\n")
	return b.Bytes()
}

func (c *composer) recipientText(b *bytes.Buffer, r spool.Recipient) {
	b.WriteString("\r\n  <" + clean(r.Final.String()) + ">")
	if !r.Original.IsZero() && r.Original != r.Final {
		b.WriteString("\r\n    (sent to <" + clean(r.Original.String()) + ">)")
	}
	b.WriteString("\r\n")
	if r.Reply.IsZero() {
		return
	}
	if r.Remote != "" {
		b.WriteString("    " + clean(bounded(r.Remote, 300)) + " said:\r\n")
	}
	for line := range strings.SplitSeq(said(r.Reply), "\n") {
		writeQuoted(b, line)
	}
}

// said gives a reply as the host gave it, in lines, bounded.
func said(r mail.Reply) string {
	head := mail.Reply{Code: r.Code, Enhanced: r.Enhanced}.String()
	return bounded(strings.TrimRight(head+" "+r.Text, " \n"), maxText)
}

// writeQuoted writes a line of a reply, indented and wrapped, so that nothing in
// it can be taken for our own words.
func writeQuoted(b *bytes.Buffer, line string) {
	const width = 70
	line = strings.TrimSpace(clean(line))
	for len(line) > width {
		at := strings.LastIndexByte(line[:width], ' ')
		if at <= 0 {
			at = len(bounded(line, width)) - len(" ...")
		}
		b.WriteString("      " + line[:at] + "\r\n")
		line = strings.TrimLeft(line[at:], " ")
	}
	b.WriteString("      " + line + "\r\n")
}
