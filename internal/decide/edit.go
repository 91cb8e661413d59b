package decide

import (
	"slices"
	"strconv"
	"strings"

	"github.com/postroad/postroad/internal/mail"
)

// Edit takes octets of the message out and puts others in their place: Len octets
// At an offset from the beginning of the header. The edits of a delivery are in
// order and do not overlap.
type Edit struct {
	At   int64
	Len  int
	Text string
}

// maxRenamed addresses of one field are changed; a field with more is left alone.
const maxRenamed = 2000

// edited is what the last rules made of the header for mail of a space. Most
// recipients of a message have the same.
type edited struct {
	space   string
	rules   []int
	edits   []Edit
	changes []Change // the same for people, with a trace
}

// edits changes the addresses in the header fields that the rules name, and no
// other octet. A field that is no list of addresses is left alone.
func (j *judgment) edits(held []int) (edited, ruling) {
	if !j.final || !j.hasHeaders(held) {
		return edited{}, accepted()
	}
	if last := &j.edited; last.rules != nil && last.space == j.space.name && slices.Equal(last.rules, held) && !j.traced() {
		return *last, accepted()
	}
	e := editor{judgment: j, rules: held, ruling: accepted()}
	at := int64(0)
	for _, f := range j.in.Facts.Header {
		e.field(f, at)
		at += int64(len(f.Raw))
	}
	if e.ruling.verdict != Accept {
		return edited{}, e.ruling
	}
	j.edited = edited{j.space.name, held, e.out, e.changes}
	return j.edited, accepted()
}

// editor goes through a header. What it cannot tell it notes and goes on, so that
// all questions to remote tables come up at once.
type editor struct {
	*judgment
	rules   []int
	out     []Edit
	changes []Change
	ruling  ruling
}

// field changes the addresses of one field, which begins at an offset.
func (e *editor) field(f mail.Field, at int64) {
	if !slices.ContainsFunc(e.rules, func(n int) bool { return e.renamers[n].names(f.Name) }) {
		return
	}
	list, ok := f.Mailboxes()
	if !ok || len(list) > maxRenamed {
		e.step(StageRewrite, Ref{}, f.Name, " is left as it is: no list of addresses, or too long a one")
		return
	}
	for _, box := range list {
		c := Change{Part: PartHeader, Field: f.Name, From: box.Address}
		if c.To = e.renameAll(&c); c.To != c.From && e.change(box, c.To, string(f.Raw[box.Start:box.End]), at) {
			e.changes = changed(e.changes, c)
		}
	}
}

func (n *renamer) names(field string) bool {
	return slices.ContainsFunc(n.Headers, func(h string) bool { return strings.EqualFold(h, field) })
}

// renameAll gives what all rules make of the address of a change.
func (e *editor) renameAll(c *Change) mail.Address {
	a := c.From
	for _, at := range e.rules {
		n := &e.renamers[at]
		if !n.names(c.Field) {
			continue
		}
		to, r := e.rename(n, a, &c.By)
		if r.verdict != Accept {
			e.ruling = r
			return a
		}
		a = to
	}
	return a
}

// change notes an edit. Where the local part stays, its octets do, quotes included.
// An address beyond ASCII does not come into a header that had none, as that would
// ask the next host for SMTPUTF8: then it gives false.
func (e *editor) change(box mail.Mailbox, to mail.Address, was string, at int64) bool {
	edit := Edit{At: at + int64(box.Start), Len: len(was), Text: to.String()}
	if to.Local == box.Address.Local {
		domain := strings.LastIndexByte(was, '@') + 1
		edit.At, edit.Len, edit.Text = edit.At+int64(domain), len(was)-domain, string(to.Domain)
	}
	if isASCII(was) && !isASCII(edit.Text) {
		e.step(StageRewrite, Ref{}, was, " is left as it is: ", edit.Text, " is not ASCII")
		return false
	}
	e.out = append(e.out, edit)
	return true
}

// editsText makes edits comparable.
func editsText(edits []Edit) string {
	var b []byte
	for _, e := range edits {
		b = strconv.AppendInt(b, e.At, 10)
		b = strconv.AppendInt(append(b, '+'), int64(e.Len), 10)
		b = append(append(append(b, ' '), e.Text...), ',')
	}
	return string(b)
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
