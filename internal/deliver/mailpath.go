package deliver

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/postroad/postroad/internal/mail"
)

// errComponent means that an address cannot be part of a path.
var errComponent = errors.New("deliver: address is not fit for a path")

// componentMax is what file systems take (NAME_MAX).
const componentMax = 255

// mailPath fills {domain} and {local} of a transport's path.
func mailPath(template string, a mail.Address) (string, error) {
	if !utf8.ValidString(a.Local) { // ToLower would make all that is broken equal
		return "", errComponent
	}
	domain, err := component(string(a.Domain))
	if err != nil {
		return "", err
	}
	local, err := component(strings.ToLower(a.Local))
	if err != nil {
		return "", err
	}
	return strings.NewReplacer("{domain}", domain, "{local}", local).Replace(template), nil
}

// component makes one path component of what a stranger wrote. Octets other
// than those that are harmless everywhere become %XX, and so does a dot at the
// start: there is no "/", no "..", no hidden file and no NUL, and two names
// never share a component.
func component(s string) (string, error) {
	if s == "" || !utf8.ValidString(s) {
		return "", errComponent
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c := s[i]; isPlainOctet(c) && (c != '.' || i > 0) {
			b.WriteByte(c)
		} else {
			const hex = "0123456789ABCDEF"
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	if b.Len() > componentMax {
		return "", errComponent
	}
	return b.String(), nil
}

// isPlainOctet: letters, digits, what local parts commonly hold, and UTF-8.
// Braces are not, or a local part "{domain}" would be filled in again.
func isPlainOctet(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x80 ||
		strings.IndexByte(".-_+=@#,~", c) >= 0
}
