package deliver

import (
	"bytes"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

// originalOf is the address that the client gave for a recipient.
func originalOf(rcpt spool.Recipient) mail.Address {
	if rcpt.Original.IsZero() {
		return rcpt.Final
	}
	return rcpt.Original
}

// copies gives the recipients that are left, those together who may share one copy
// of the message: all of them, or, where a header field tells which address the
// client gave, those of one such address, so that nobody learns of another's. They
// are parted here too, and not only when the mail came in: the transport may have
// been changed or chosen since.
func (r *run) copies() [][]int {
	who := r.waitingSlots()
	if r.t.KeepOriginal.Field() == "" {
		return [][]int{who}
	}
	var out [][]int
	place := map[mail.Address]int{}
	for _, i := range who {
		a := originalOf(r.slots[i].rcpt)
		k, known := place[a]
		if !known {
			k = len(out)
			place[a], out = k, append(out, nil)
		}
		out[k] = append(out[k], i)
	}
	return out
}

// kept puts the field in which the transport keeps the original recipient above
// other fields, unless one of them tells it already.
func (r *run) kept(rcpt spool.Recipient, fields []byte) []byte {
	name := r.t.KeepOriginal.Field()
	if name == "" {
		return fields
	}
	line := appendField(nil, name, originalOf(rcpt).String())
	if bytes.Contains(fields, line) {
		return fields
	}
	return append(line, fields...)
}
