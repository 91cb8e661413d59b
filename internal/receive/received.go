package receive

import (
	"crypto/tls"
	"net/netip"
	"time"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

// dateFormat is RFC 5322 s3.3.
const dateFormat = "Mon, 2 Jan 2006 15:04:05 -0700"

// Hop is what a session tells of itself in the Received field.
type Hop struct {
	By       string // our name
	Helo     string
	Client   netip.Addr
	Extended bool   // EHLO
	Login    bool   // authenticated
	TLS      string // "TLS1.3 TLS_AES_128_GCM_SHA256", "" without
}

// stamp is what a transaction adds to it.
type stamp struct {
	id   spool.ID
	utf8 bool
	to   string // "" unless there is exactly one recipient
	when time.Time
}

// receivedFor: the recipient is named only when it is the only one, since the
// others may not learn of it (RFC 5321 s4.4 and s7.2).
func receivedFor(t *Transaction, id spool.ID, when time.Time) stamp {
	s := stamp{id: id, utf8: t.envelope.SMTPUTF8, when: when}
	if r := t.envelope.Recipients; len(r) == 1 && r[0].Address.Domain != "" {
		s.to = r[0].Address.String()
	}
	return s
}

// append writes the field (RFC 5321 s4.4).
func (h Hop) append(b []byte, s stamp) []byte {
	b = append(b, "Received: "...)
	if !h.isLocal() {
		b = append(b, "from "...)
		b = appendWord(b, h.Helo)
		b = append(b, " ("...)
		b = appendLiteral(b, h.Client)
		b = append(b, ")\r\n\t"...)
	}
	b = append(append(b, "by "...), h.By...)
	if !h.isLocal() {
		b = append(b, " with "...)
		b = append(b, h.with(s.utf8)...)
	}
	if h.TLS != "" {
		b = append(append(append(b, " ("...), h.TLS...), ')')
	}
	b = append(b, " id "...)
	b = append(b, s.id.String()...)
	if s.to != "" {
		b = append(append(append(b, "\r\n\tfor <"...), s.to...), '>')
	}
	b = append(b, ";\r\n\t"...)
	b = s.when.AppendFormat(b, dateFormat)
	return append(b, "\r\n"...)
}

// isLocal tells that no client brought the message: it was here already.
func (h Hop) isLocal() bool { return h.Helo == "" && !h.Client.IsValid() }

// with is the protocol by RFC 3848, and RFC 6531 s4.3 where addresses may be
// internationalised.
func (h Hop) with(utf8 bool) string {
	switch {
	case !h.Extended:
		return "SMTP"
	case utf8:
		return "UTF8SMTP" + h.letters()
	}
	return "ESMTP" + h.letters()
}

func (h Hop) letters() string {
	switch {
	case h.TLS != "" && h.Login:
		return "SA"
	case h.TLS != "":
		return "S"
	case h.Login:
		return "A"
	}
	return ""
}

// appendWord writes what the client called itself. What could end the word or
// the field, or open a comment, becomes "?".
func appendWord(b []byte, s string) []byte {
	if _, err := mail.ParseDomain(s); err == nil {
		return append(b, s...)
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		plain := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_'
		if !plain {
			c = '?'
		}
		b = append(b, c)
	}
	return b
}

// appendLiteral writes an address literal (RFC 5321 s4.1.3).
func appendLiteral(b []byte, a netip.Addr) []byte {
	if !a.IsValid() {
		return append(b, "unknown"...)
	}
	b = append(b, '[')
	if a.Is6() {
		b = append(b, "IPv6:"...)
	}
	return append(a.AppendTo(b), ']')
}

// tlsName is the version and the cipher suite.
func tlsName(s *tls.ConnectionState) string {
	version := "TLS1.3"
	if s.Version == tls.VersionTLS12 {
		version = "TLS1.2"
	}
	return version + " " + tls.CipherSuiteName(s.CipherSuite)
}
