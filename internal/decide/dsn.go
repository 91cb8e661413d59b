package decide

import (
	"strings"
	"unicode/utf8"

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
	address := r.Address.String()
	s := "rfc822;" + mail.EncodeXText(address)
	if strings.IndexFunc(address, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0 {
		s = "utf-8;" + mail.EncodeUniXText(address) // RFC 6533 s3
	}
	if len(s) > maxORCPT {
		return ""
	}
	return s
}
