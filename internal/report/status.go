package report

import (
	"bytes"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/spool"
)

// Limits of RFC 3461 s4.4 and s4.2; what is longer did not come through a door
// that keeps them.
const (
	maxEnvID = 100
	maxORCPT = 500
)

// deliveryStatus writes the part for programs (RFC 3464 s2).
func (c *composer) deliveryStatus() []byte {
	var b bytes.Buffer
	n := c.in.Notice
	writeField(&b, "Reporting-MTA", "dns; "+string(c.in.Hostname))
	if id, ok := mail.DecodeXText(n.Job.EnvID); ok && id != "" && len(id) <= maxEnvID {
		writeField(&b, "Original-Envelope-Id", c.plain(id))
	}
	if !n.Envelope.Arrived.IsZero() {
		writeField(&b, "Arrival-Date", date(n.Envelope.Arrived))
	}
	for _, r := range n.Recipients {
		b.WriteString("\r\n")
		c.recipientStatus(&b, r)
	}
	return b.Bytes()
}

// recipientStatus writes the fields of one recipient (RFC 3464 s2.3).
func (c *composer) recipientStatus(b *bytes.Buffer, r spool.Recipient) {
	n := c.in.Notice
	if o, ok := c.originalRecipient(r.ORCPT); ok {
		writeField(b, "Original-Recipient", o)
	}
	writeField(b, "Final-Recipient", c.typedAddress(r.Final.String()))
	writeField(b, "Action", c.words.action)
	writeField(b, "Status", Status(n.Kind, r.Reply))
	if host, ok := remoteName(r.Remote); ok {
		writeField(b, "Remote-MTA", "dns; "+host)
	}
	if !r.Reply.IsZero() {
		writeField(b, "Diagnostic-Code", c.diagnostic(r))
	}
	if !n.Job.LastTry.IsZero() {
		writeField(b, "Last-Attempt-Date", date(n.Job.LastTry))
	}
	if n.Kind == queue.NoticeDelayed && !n.WillRetryUntil.IsZero() {
		writeField(b, "Will-Retry-Until", date(n.WillRetryUntil))
	}
}

// diagnostic gives what was said; a condition of our own is not called smtp
// (RFC 3464 s2.3.6: the diagnostic of the remote system).
func (c *composer) diagnostic(r spool.Recipient) string {
	text := c.plain(strings.Join(strings.Fields(clean(said(r.Reply))), " "))
	if r.Remote == "" {
		return "x-postroad; " + text
	}
	return "smtp; " + text
}

// originalRecipient turns ORCPT into the value of Original-Recipient: the type as
// it was given, the address without its xtext (RFC 3461 s4.2, s6.3).
func (c *composer) originalRecipient(orcpt string) (string, bool) {
	kind, enc, ok := strings.Cut(orcpt, ";")
	var addr string
	valid := true
	switch {
	case !strings.EqualFold(kind, "utf-8"):
		addr, valid = mail.DecodeXText(enc)
	case c.utf8:
		addr = mail.DecodeUniXText(enc)
	default: // as it was sent, or in UTF-8 (RFC 6533 s3)
		addr = mail.EncodeUniXText(mail.DecodeUniXText(enc))
	}
	if !ok || !valid || addr == "" || len(addr) > maxORCPT || !isAtom(kind) {
		return "", false
	}
	return kind + "; " + c.plain(addr), true
}

// isAtom tells whether s may be an address type (RFC 3464 s2.1.2).
func isAtom(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' && c != '_' {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

// typedAddress gives an address with the type that it needs in this form.
func (c *composer) typedAddress(addr string) string {
	switch {
	case isASCII(addr):
		return "rfc822; " + addr
	case c.utf8:
		return "utf-8; " + addr
	default:
		return "utf-8; " + mail.EncodeUniXText(addr)
	}
}

// Status gives the enhanced status of a report: the reply's own, or one made of
// its code; its class is the one that the kind demands (RFC 3464 s2.3.4).
func Status(kind queue.NoticeKind, r mail.Reply) string {
	class := "2"
	switch kind {
	case queue.NoticeFailed:
		class = "5"
	case queue.NoticeDelayed:
		class = "4"
	}
	if subject, ok := statusTail(r.Enhanced); ok {
		return class + subject
	}
	return class + tailOfCode(r.Code)
}

// statusTail gives ".x.y" of a well-formed enhanced status.
func statusTail(s string) (string, bool) {
	p := strings.Split(s, ".")
	if len(p) != 3 || (p[0] != "2" && p[0] != "4" && p[0] != "5") {
		return "", false
	}
	for _, d := range p[1:] {
		n, err := strconv.ParseUint(d, 10, 16)
		// RFC 3463 s2: three digits at most and no leading zeros.
		if err != nil || n > 999 || strconv.FormatUint(n, 10) != d {
			return "", false
		}
	}
	return "." + p[1] + "." + p[2], true
}

// tailOfCode knows the codes that say more than their class.
func tailOfCode(code int) string {
	switch code {
	case 551:
		return ".1.6" // has moved
	case 553:
		return ".1.3" // mailbox name not allowed
	case 556:
		return ".1.10" // null MX (RFC 7505 s4.1)
	case 521:
		return ".3.2" // takes no mail (RFC 7504)
	}
	return ".0.0"
}

// remoteName gives the name, or else the address literal, of "name[ip]:port".
func remoteName(remote string) (string, bool) {
	name, rest, _ := strings.Cut(remote, "[")
	ip, _, _ := strings.Cut(rest, "]")
	if d, err := mail.ParseDomain(name); err == nil && name != "" && !isAddr(name) {
		return string(d), true
	}
	if isAddr(name) {
		ip = name
	}
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return "", false
	}
	if a.Is4() {
		return "[" + a.String() + "]", true
	}
	return fmt.Sprintf("[IPv6:%s]", a.WithZone("")), true
}

func isAddr(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}
