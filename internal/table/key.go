package table

import (
	"strings"

	"github.com/postroad/postroad/internal/mail"
)

// Key gives the form in which keys of tables are kept and asked: lower case,
// quotes of a local part taken off, domains as A-labels. What is neither an
// address nor a domain is only folded.
func Key(s string) string {
	if strings.HasPrefix(s, `"`) {
		if a, err := mail.ParseAddress(s); err == nil {
			return a.Key()
		}
	}
	s = strings.ToLower(s)
	if isASCII(s) {
		return s
	}
	at := strings.LastIndexByte(s, '@')
	local, name := s[:at+1], s[at+1:]
	dot := ""
	if strings.HasPrefix(name, ".") {
		dot, name = ".", name[1:]
	}
	d, err := mail.ParseDomain(name)
	if err != nil {
		return s
	}
	return local + dot + string(d)
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
