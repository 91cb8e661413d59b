package decide

import (
	"slices"

	"github.com/postroad/postroad/internal/mail"
)

// Part says where an address stands that a rule changed.
type Part string

// Parts of a message.
const (
	PartSender    Part = "sender"    // of the envelope
	PartRecipient Part = "recipient" // of the envelope
	PartHeader    Part = "header"
)

// Change is one address of a delivery that is another one than in the message as
// it came in, and the rules that made it so, in their order. What an alias names
// is no change: it is another recipient.
type Change struct {
	Part     Part
	Field    string // PartHeader: its name
	From, To mail.Address
	By       []Ref
}

// changed adds a change, if it is one. The sender may be changed as mail comes in,
// as it leaves and as it is forwarded: that is told as one.
func changed(list []Change, c Change) []Change {
	if len(c.By) == 0 {
		return list
	}
	at := slices.IndexFunc(list, func(was Change) bool { return was.Part == PartSender })
	if c.Part != PartSender || at < 0 {
		return append(list, c)
	}
	list[at].To, list[at].By = c.To, slices.Concat(list[at].By, c.By)
	return list
}

// names are the addresses of an envelope under way and, with a trace, the rules
// that changed them.
type names struct {
	from         mail.Path
	to           mail.Address
	fromBy, toBy []Ref
}

// since gives what became of the addresses from before on.
func (n *names) since(before names, list []Change) []Change {
	list = changed(list, Change{Part: PartSender, From: before.from.Address, To: n.from.Address, By: n.fromBy})
	return changed(list, Change{Part: PartRecipient, From: before.to, To: n.to, By: n.toBy})
}
