package smtp

import (
	"strconv"
	"strings"

	"github.com/postroad/postroad/internal/mail"
)

// fitAddress tells whether an address may stand in a command. Addresses come
// from strangers and from tables: none may end the line that it stands in.
func fitAddress(a mail.Address) bool {
	return fitParameter(string(a.Domain)) && !strings.Contains(string(a.Domain), ">") && !strings.ContainsFunc(a.Local, func(r rune) bool { return r < ' ' || r == 0x7f })
}

func fitParameter(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f })
}

// appendParameter writes name and value, when there is a value and it is fit to
// stand in a command (RFC 5321 esmtp-value).
func appendParameter(dst []byte, name, value string) []byte {
	if value == "" || !fitParameter(value) {
		return dst
	}
	return append(append(dst, name...), value...)
}

func appendRet(dst []byte, r mail.Ret) []byte {
	switch r {
	case mail.RetFull:
		return append(dst, " RET=FULL"...)
	case mail.RetHeaders:
		return append(dst, " RET=HDRS"...)
	}
	return dst
}

// appendNotify writes NOTIFY; one that was not given stays absent
// (RFC 3461 s5.2.1).
func appendNotify(dst []byte, n mail.Notify) []byte {
	if n == 0 {
		return dst
	}
	dst = append(dst, " NOTIFY="...)
	if n&mail.NotifyNever != 0 {
		return append(dst, "NEVER"...)
	}
	sep := ""
	for _, k := range [...]struct {
		bit  mail.Notify
		word string
	}{{mail.NotifySuccess, "SUCCESS"}, {mail.NotifyFailure, "FAILURE"}, {mail.NotifyDelay, "DELAY"}} {
		if n&k.bit != 0 {
			dst = append(append(dst, sep...), k.word...)
			sep = ","
		}
	}
	return dst
}

// appendReset puts RSET before a transaction when the one before was not
// finished.
func (c *Client) appendReset() bool {
	c.out = c.out[:0]
	dirty := c.dirty
	c.dirty = true
	if dirty {
		c.out = append(c.out, "RSET\r\n"...)
	}
	return dirty
}

func (c *Client) appendMail(t *Transaction) {
	c.out = append(c.out, "MAIL FROM:<"...)
	if !t.Sender.IsNull() {
		c.out = append(c.out, t.Sender.Address.String()...)
	}
	c.out = append(c.out, '>')
	if c.caps.Size {
		c.out = append(c.out, " SIZE="...)
		c.out = strconv.AppendInt(c.out, t.Size+int64(len(t.Prefix)), 10)
	}
	if c.caps.EightBit && t.Body == mail.Body8BitMIME {
		c.out = append(c.out, " BODY=8BITMIME"...)
	}
	if c.caps.SMTPUTF8 && t.SMTPUTF8 {
		c.out = append(c.out, " SMTPUTF8"...)
	}
	if c.caps.DSN {
		c.out = appendRet(c.out, t.Ret)
		c.out = appendParameter(c.out, " ENVID=", t.EnvID)
	}
	c.out = append(c.out, "\r\n"...)
}

func (c *Client) appendRcpt(r mail.Recipient) {
	c.out = append(c.out, "RCPT TO:<"...)
	c.out = append(c.out, r.Address.String()...)
	c.out = append(c.out, '>')
	if c.caps.DSN {
		c.out = appendNotify(c.out, r.Notify)
		c.out = appendParameter(c.out, " ORCPT=", r.ORCPT)
	}
	c.out = append(c.out, "\r\n"...)
}
