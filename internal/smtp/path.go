package smtp

import (
	"errors"
	"strings"

	"github.com/postroad/postroad/internal/mail"
)

// Mail is a parsed MAIL command.
type Mail struct {
	Path mail.Path
	MailParams
}

// Rcpt is a parsed RCPT command.
type Rcpt struct {
	Address mail.Address
	RcptParams
}

// ParseMail reads the argument of MAIL: "FROM:<path> parameters" (RFC 5321
// s4.1.1.2). A space after the colon is let pass, since many devices send it; a
// path without angle brackets is not. Errors are *mail.Error.
func ParseMail(arg string) (Mail, error) {
	inner, params, ok := cutPath(arg, "FROM:")
	if !ok {
		return Mail{}, syntaxError("path", mail.Reply{Code: 501, Enhanced: "5.5.2", Text: "syntax: MAIL FROM:<address>"})
	}
	path, err := mail.ParsePath(inner)
	if err != nil {
		return Mail{}, pathError(err, "5.1.7", "5.1.8", "sender")
	}
	p, err := parseMailParams(params)
	if err != nil {
		return Mail{}, err
	}
	if !p.SMTPUTF8 && !IsASCII(path.Address.Local) {
		// RFC 6531 s3.5: such a path needs the parameter.
		return Mail{}, syntaxError("path", mail.Reply{Code: 553, Enhanced: "5.6.7", Text: "SMTPUTF8 is needed for this sender"})
	}
	return Mail{Path: path, MailParams: p}, nil
}

// ParseRcpt reads the argument of RCPT: "TO:<path> parameters" (RFC 5321
// s4.1.1.3). <postmaster> without a domain is an address whose Domain is empty.
// Errors are *mail.Error.
func ParseRcpt(arg string) (Rcpt, error) {
	inner, params, ok := cutPath(arg, "TO:")
	if !ok {
		return Rcpt{}, syntaxError("path", mail.Reply{Code: 501, Enhanced: "5.5.2", Text: "syntax: RCPT TO:<address>"})
	}
	var r Rcpt
	if strings.EqualFold(inner, "postmaster") {
		r.Address = mail.Address{Local: "postmaster"}
	} else {
		a, err := mail.ParseAddress(inner)
		if err != nil {
			return Rcpt{}, pathError(err, "5.1.3", "5.1.2", "recipient")
		}
		r.Address = a
	}
	p, err := parseRcptParams(params)
	r.RcptParams = p
	return r, err
}

// cutPath takes the keyword, and the path out of its angle brackets. A ">" in
// a quoted local part does not end it.
func cutPath(arg, keyword string) (inner, params string, ok bool) {
	if len(arg) < len(keyword) || !strings.EqualFold(arg[:len(keyword)], keyword) {
		return "", "", false
	}
	s := strings.TrimLeft(arg[len(keyword):], " ")
	if s == "" || s[0] != '<' {
		return "", "", false
	}
	end := pathEnd(s)
	if end < 0 {
		return "", "", false
	}
	params = s[end+1:]
	if params != "" && params[0] != ' ' {
		return "", "", false
	}
	return s[1:end], params, true
}

// pathEnd is the index of the ">" that closes the path, or -1.
func pathEnd(s string) int {
	quoted := false
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == '>' && !quoted:
			return i
		}
	}
	return -1
}

// pathError gives the reply for an address that cannot be read: a fault of its
// form, or of its domain.
func pathError(err error, form, domain, who string) error {
	r := mail.Reply{Code: 501, Enhanced: form, Text: who + " address is malformed"}
	switch {
	case errors.Is(err, mail.ErrSourceRoute):
		// RFC 5321 s3.3 and F.2: a source route may be declined, and is no way around relay rules.
		r = mail.Reply{Code: 553, Enhanced: form, Text: "source routes are not accepted"}
	case errors.Is(err, mail.ErrDomain):
		r.Enhanced, r.Text = domain, who+" domain is malformed"
	case errors.Is(err, mail.ErrTooLong):
		r.Text = who + " address is too long"
	}
	return &mail.Error{Op: "smtp.path", Reply: r, Cause: err}
}

// IsASCII tells whether s needs no SMTPUTF8.
func IsASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
