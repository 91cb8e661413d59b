package lab

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

var errPath = errors.New("not a path")

// The parameters of MAIL and RCPT and the extension that brings each.
func mailParams(name string) string {
	switch name {
	case "SIZE":
		return "SIZE"
	case "BODY":
		return "8BITMIME"
	case "SMTPUTF8":
		return "SMTPUTF8"
	case "RET", "ENVID":
		return "DSN"
	case "AUTH":
		return "AUTH"
	}
	return ""
}

func rcptParams(name string) string {
	if name == "NOTIFY" || name == "ORCPT" {
		return "DSN"
	}
	return ""
}

// path reads "FROM:<address> PARAM PARAM=VALUE" (RFC 5321 s4.1.2): no space
// around the colon, brackets always.
func (s *session) path(arg, keyword string) (address string, params []string, err error) {
	if len(arg) <= len(keyword) || !strings.EqualFold(arg[:len(keyword)], keyword) {
		return "", nil, errPath
	}
	rest := arg[len(keyword):]
	if rest[0] != '<' {
		return "", nil, errPath
	}
	end := closing(rest)
	if end < 0 {
		return "", nil, errPath
	}
	address = rest[1:end]
	if rest = rest[end+1:]; rest != "" {
		if rest[0] != ' ' {
			return "", nil, errPath
		}
		params = strings.Split(rest[1:], " ")
	}
	return address, params, nil
}

// closing finds the ">" that ends a path; one within quotes does not.
func closing(s string) int {
	quoted := false
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == '>' && !quoted:
			return i
		case c <= ' ' && !quoted:
			return -1
		}
	}
	return -1
}

// checkParams refuses what was not offered (RFC 5321 s4.1.1.11).
func (s *session) checkParams(params []string, extension func(string) string) error {
	for _, p := range params {
		name, _, _ := strings.Cut(p, "=")
		ext := extension(strings.ToUpper(name))
		if ext == "" || !s.extended || !s.r.offers(ext) {
			return fmt.Errorf("parameter %q was not offered", p)
		}
	}
	return nil
}

// checkUTF8 holds an address against RFC 6531 s3.4: octets above 127 only in a
// transaction that says SMTPUTF8.
func (s *session) checkUTF8(address string) {
	for i := 0; i < len(address); i++ {
		if address[i] >= 0x80 && !s.says("SMTPUTF8") {
			s.violated("address %q without SMTPUTF8", address)
			return
		}
	}
}

// says tells whether MAIL carried a parameter.
func (s *session) says(param string) bool {
	return slices.ContainsFunc(s.message.SenderParams, func(p string) bool { return strings.EqualFold(p, param) })
}
