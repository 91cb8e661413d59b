package httptable

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

const keyMark = "{key}"

var (
	errAddress = errors.New("this is no URL of https or http")
	errOctets  = errors.New("the query of a URL has letters, digits and signs of ASCII, all others as %XX")
	errNoKey   = errors.New("the key is not asked for: " + keyMark + " stands for it, in the query")
	errOutside = errors.New("the key stands in the query only, behind the ?")
)

// Address is a URL with the key in its query.
type Address struct{ before, query string }

// ParseAddress reads a URL with {key} in its query, and nowhere else: in a path or
// the name of a host, a key would say what is asked.
func ParseAddress(raw string) (Address, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" {
		return Address{}, errAddress
	}
	before, query, _ := strings.Cut(raw, "?")
	switch {
	case strings.Contains(before, keyMark):
		return Address{}, errOutside
	case !strings.Contains(query, keyMark):
		return Address{}, errNoKey
	case u.Fragment != "" || strings.Contains(raw, "#") || u.User != nil:
		return Address{}, errAddress
	case strings.ContainsFunc(strings.ReplaceAll(query, keyMark, ""), func(r rune) bool { return !isQuery(r) }):
		return Address{}, errOctets
	}
	return Address{before + "?", query}, nil
}

// With is the URL of a key.
func (a Address) With(key string) string {
	return a.before + strings.ReplaceAll(a.query, keyMark, escape(key))
}

// isQuery tells what may stand in a query (RFC 3986 s3.4).
func isQuery(r rune) bool {
	return r < 0x80 && (isUnreserved(byte(r)) || strings.ContainsRune("!$&'()*+,;=:@/?%", r))
}

func isUnreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// escape encodes more than it must: a space as %20, since not all take + for one.
func escape(key string) string {
	var b strings.Builder
	for _, c := range []byte(key) {
		if isUnreserved(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
