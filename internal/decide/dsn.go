package decide

import (
	"fmt"
	"strings"

	"github.com/postroad/postroad/internal/mail"
)

// maxORCPT is the longest value of ORCPT (RFC 3461 s4.2).
const maxORCPT = 500

// notifyOf gives what a member asks for. Behind an alias SUCCESS is answered
// here, by "expanded", and not passed on; who asked for nothing else is told
// nothing more (RFC 3461 s5.2.7.1 (b), as Postfix does).
func notifyOf(n mail.Notify, aliased bool) mail.Notify {
	if !aliased || n&mail.NotifySuccess == 0 {
		return n
	}
	if n &^= mail.NotifySuccess; n == 0 {
		return mail.NotifyNever
	}
	return n
}

// originalRecipient gives ORCPT as the client gave it or, where there is none,
// made from the address as received (RFC 3461 s5.2.1).
func originalRecipient(r mail.Recipient) string {
	if r.ORCPT != "" {
		return r.ORCPT
	}
	s := encodeORCPT(r.Address.String())
	if len(s) > maxORCPT {
		return ""
	}
	return s
}

// encodeORCPT writes an address as xtext (RFC 3461 s4) or, when it has letters
// beyond ASCII, as utf-8-addr-xtext (RFC 6533 s3).
func encodeORCPT(address string) string {
	var b strings.Builder
	b.Grow(len("rfc822;") + len(address))
	wide := strings.IndexFunc(address, func(r rune) bool { return r >= 0x80 }) >= 0
	if wide {
		b.WriteString("utf-8;")
	} else {
		b.WriteString("rfc822;")
	}
	for _, r := range address {
		switch {
		case wide && (r >= 0x7f || r <= ' ' || r == '\\' || r == '+' || r == '='):
			fmt.Fprintf(&b, "\\x{%02X}", r)
		case !wide && (r == 0x7f || r <= ' ' || r == '+' || r == '='):
			fmt.Fprintf(&b, "+%02X", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
