package smtp

import (
	"strconv"
	"strings"

	"github.com/postroad/postroad/internal/mail"
)

// MailParams are the parameters of MAIL.
type MailParams struct {
	Size     int64 // RFC 1870; 0 when absent
	Body     mail.BodyType
	SMTPUTF8 bool
	Ret      mail.Ret
	EnvID    string // xtext as received
	Auth     string // RFC 4954 s5, xtext as received; "<>" when nobody stands for it
}

// RcptParams are the parameters of RCPT.
type RcptParams struct {
	Notify mail.Notify
	ORCPT  string // "type;xtext" as received
}

const (
	maxEnvID = 100 // RFC 3461 s4.4
	maxORCPT = 500 // RFC 3461 s4.2
	maxAuth  = 500 // RFC 4954 s5
)

func parseMailParams(s string) (MailParams, error) {
	var p MailParams
	err := eachParam(s, func(key, value string, has bool) error {
		switch key {
		case "SIZE":
			return p.setSize(value)
		case "BODY":
			return p.setBody(value)
		case "SMTPUTF8":
			p.SMTPUTF8 = true
			return valueless(has)
		case "RET":
			return p.setRet(value)
		case "ENVID":
			return setXText(&p.EnvID, value, maxEnvID)
		case "AUTH":
			if value == "<>" {
				p.Auth = value
				return nil
			}
			return setXText(&p.Auth, value, maxAuth)
		}
		return unknownParam()
	})
	return p, err
}

func parseRcptParams(s string) (RcptParams, error) {
	var p RcptParams
	err := eachParam(s, func(key, value string, _ bool) error {
		switch key {
		case "NOTIFY":
			return p.setNotify(value)
		case "ORCPT":
			return p.setORCPT(value)
		}
		return unknownParam()
	})
	return p, err
}

// eachParam calls set for each parameter, its keyword in upper case. One that
// stands twice is an error: the two halves of a chain might each believe
// another one.
func eachParam(s string, set func(key, value string, has bool) error) error {
	var seen []string
	for {
		s = strings.TrimLeft(s, " ")
		if s == "" {
			return nil
		}
		word, rest, _ := strings.Cut(s, " ")
		s = rest
		key, value, has := strings.Cut(word, "=")
		key = strings.ToUpper(key)
		for _, k := range seen {
			if k == key {
				return badParam("parameter given twice")
			}
		}
		seen = append(seen, key)
		if err := set(key, value, has); err != nil {
			return err
		}
	}
}

func (p *MailParams) setSize(v string) error {
	// RFC 1870 s4: up to 20 digits, without sign.
	if v == "" || len(v) > 20 || strings.Trim(v, "0123456789") != "" {
		return badParam("SIZE is not a number")
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		n = 1<<63 - 1 // more than we can count is more than any limit
	}
	p.Size = n
	return nil
}

func (p *MailParams) setBody(v string) error {
	switch strings.ToUpper(v) {
	case "7BIT":
		p.Body = mail.Body7Bit
	case "8BITMIME":
		p.Body = mail.Body8BitMIME
	default:
		return badParam("BODY is neither 7BIT nor 8BITMIME")
	}
	return nil
}

func (p *MailParams) setRet(v string) error {
	switch strings.ToUpper(v) {
	case "FULL":
		p.Ret = mail.RetFull
	case "HDRS":
		p.Ret = mail.RetHeaders
	default:
		return badParam("RET is neither FULL nor HDRS")
	}
	return nil
}

func (p *RcptParams) setNotify(v string) error {
	for _, word := range strings.Split(strings.ToUpper(v), ",") {
		var n mail.Notify
		switch word {
		case "NEVER":
			n = mail.NotifyNever
		case "SUCCESS":
			n = mail.NotifySuccess
		case "FAILURE":
			n = mail.NotifyFailure
		case "DELAY":
			n = mail.NotifyDelay
		default:
			return badParam("NOTIFY is malformed")
		}
		p.Notify |= n
	}
	if p.Notify&mail.NotifyNever != 0 && p.Notify != mail.NotifyNever {
		return badParam("NOTIFY=NEVER stands alone") // RFC 3461 s4.1
	}
	return nil
}

// setORCPT takes "type;xtext" (RFC 3461 s4.2). The type utf-8 has an encoding of
// its own, in which octets above 127 may stand (RFC 6533 s3).
func (p *RcptParams) setORCPT(v string) error {
	kind, addr, ok := strings.Cut(v, ";")
	if !ok || kind == "" || addr == "" || len(v) > maxORCPT || !isAtom(kind) {
		return badParam("ORCPT is malformed")
	}
	if strings.EqualFold(kind, "utf-8") {
		if strings.ContainsAny(addr, "+=") {
			return badParam("ORCPT is malformed")
		}
	} else if _, ok := mail.DecodeXText(addr); !ok {
		return badParam("ORCPT is not xtext")
	}
	p.ORCPT = v
	return nil
}

// isAtom: an atom of RFC 3461's address type.
func isAtom(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\".[]`, c) >= 0 {
			return false
		}
	}
	return true
}

// setXText keeps v encoded, as it goes on to the next host unchanged, but
// makes sure that it can be decoded into something printable.
func setXText(to *string, v string, max int) error {
	decoded, ok := mail.DecodeXText(v)
	if !ok || v == "" || len(v) > max || !printable([]byte(decoded)) {
		return badParam("value is not xtext")
	}
	*to = v
	return nil
}

func valueless(has bool) error {
	if has {
		return badParam("parameter takes no value")
	}
	return nil
}

func badParam(text string) error {
	return syntaxError("params", mail.Reply{Code: 501, Enhanced: "5.5.4", Text: text})
}

// unknownParam: RFC 5321 s4.1.1.11.
func unknownParam() error {
	return syntaxError("params", mail.Reply{Code: 555, Enhanced: "5.5.4", Text: "parameter not recognised"})
}
