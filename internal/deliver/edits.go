package deliver

import (
	"bytes"
	"slices"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

// Marks stand marksInLine on a line and marksInField in a field, so that neither is
// long (RFC 5322 s2.1.1), and a job of a thousand recipients has few fields.
const (
	marksInLine  = 3
	marksInField = 48
)

// edits gives the header lines that go in front of the message.
func (r *run) edits() []byte {
	if r.prefix == nil {
		var b []byte
		if r.mayComeBack() {
			b = r.appendMarks(b)
		}
		b = appendExpanded(b, r.a.Job.Expanded, r.a.Job.Original)
		r.prefix = &b
	}
	return *r.prefix
}

// mayComeBack tells whether the message goes to a server that may send it back: by
// mx and smtp, and to the sides of a migration, to which copies go too.
func (r *run) mayComeBack() bool {
	j := &r.a.Job
	if r.t.Kind == decide.KindMX || r.t.Kind == decide.KindSMTP || j.Homed {
		return true
	}
	return j.Copy != "" && slices.ContainsFunc(j.Recipients, func(to spool.Recipient) bool {
		return r.cfg.Snapshot.IsSide(j.Lane.Transport, to.Final.Domain)
	})
}

// appendExpanded tells which address was expanded to this recipient, by which
// loops are cut (RFC 9228), and which one the client gave. It names no
// recipient of its own, so that the members of an alias share one copy.
func appendExpanded(dst []byte, expanded, original mail.Address) []byte {
	if expanded.IsZero() {
		return dst
	}
	dst = appendField(dst, "Delivered-To", expanded.String())
	return appendOriginal(dst, expanded, original)
}

// appendOriginal tells the address that the client gave.
func appendOriginal(dst []byte, expanded, original mail.Address) []byte {
	if original.IsZero() {
		original = expanded
	}
	if original.IsZero() {
		return dst
	}
	return appendField(dst, "X-Original-To", original.String())
}

// appendMarks writes a mark for each recipient. They tell nothing to those who do
// not have the key.
func (r *run) appendMarks(dst []byte) []byte {
	if len(r.d.o.MarkKey) == 0 {
		return dst
	}
	for n, rcpt := range r.a.Job.Recipients {
		switch {
		case n == 0:
			dst = append(dst, decide.MarkField+": "...)
		case n%marksInField == 0:
			dst = append(dst, "\r\n"+decide.MarkField+": "...)
		case n%marksInLine == 0:
			dst = append(dst, "\r\n "...)
		default:
			dst = append(dst, ' ')
		}
		dst = append(dst, decide.Mark(r.d.o.MarkKey, rcpt.Final, r.a.Job.Lane.Transport)...)
	}
	return append(dst, "\r\n"...)
}

// appendField writes one field. The value is an address: what could end the
// line is left out, since here it is told and not delivered to.
func appendField(dst []byte, name, value string) []byte {
	dst = append(append(dst, name...), ": "...)
	for i := 0; i < len(value); i++ {
		if value[i] >= ' ' && value[i] != 0x7f {
			dst = append(dst, value[i])
		}
	}
	return append(dst, "\r\n"...)
}

// headerScan octets of a message are looked at for a header that needs SMTPUTF8.
const headerScan = 64 << 10

// needsUTF8 tells whether the message can only go to a host with SMTPUTF8
// (RFC 6531 s3.1): an address has a local part outside ASCII, or the client said
// SMTPUTF8 and the header makes use of it.
func (r *run) needsUTF8() bool {
	if r.utf8 == nil {
		needs := !isASCII(r.a.Job.Sender.Address.Local)
		for i := range r.slots {
			needs = needs || !isASCII(r.slots[i].rcpt.Final.Local)
		}
		needs = needs || r.a.Job.SMTPUTF8 && r.headerBeyondASCII()
		r.utf8 = &needs
	}
	return *r.utf8
}

func (r *run) headerBeyondASCII() bool {
	buf := make([]byte, min(headerScan, r.a.Body.Size()))
	n, _ := r.a.Body.ReadAt(buf, 0)
	head, _, found := bytes.Cut(buf[:n], []byte("\r\n\r\n"))
	if !found && int64(n) < r.a.Body.Size() {
		return true // a header of that length was not read to its end
	}
	return !isASCII(string(head))
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
