package explain

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/receive"
)

// Entry is mail that comes in again, in a transaction of its own: for recipients
// in the domain of another tenant, or for the members of a list.
type Entry struct {
	List       string      `json:"list"` // rule of the list; "" for recipients in the domain of another
	Source     string      `json:"source"`
	Sender     string      `json:"sender"`
	Tenant     string      `json:"tenant"`            // on whose behalf
	Members    int         `json:"members,omitempty"` // of the list; the first of them are told
	Recipients []Recipient `json:"recipients"`
	Error      *Reply      `json:"error,omitempty"` // why nobody is told
	Again      []Entry     `json:"again,omitempty"`
}

// again tells what comes of each message that comes in again.
func (r *route) again(ctx context.Context, all []receive.Reentry) []Entry {
	var out []Entry
	for _, in := range all {
		e := Entry{Sender: in.Sender.String(), Tenant: in.Tenant, Members: in.Members, Recipients: []Recipient{}, Again: r.again(ctx, in.Again)}
		if in.List != nil {
			e.List, e.Source = in.List.Name, in.List.Source
		}
		if in.Err != nil {
			reply := ReplyOf(mail.ReplyOf(in.Err))
			e.Error = &reply
		}
		for i, to := range in.Recipients {
			one := Recipient{Recipient: to.Address.String(), Deliveries: []Delivery{}}
			var d decide.RecipientDecision
			if i < len(in.Message.Recipients) {
				d = in.Message.Recipients[i]
			}
			one.Steps, one.Limits = Steps(d.Steps), r.limits(d.Tenant)
			r.message(ctx, &one, in.Message, d)
			e.Recipients = append(e.Recipients, one)
		}
		out = append(out, e)
	}
	return out
}

// tree writes the transaction, under the one from which it comes.
func (e Entry) tree(b *bufio.Writer, p Palette, indent string) {
	what := "in again as mail from outside"
	if e.List != "" {
		what = fmt.Sprintf("in again for the %d members of %s", e.Members, e.List) + prefixed(" ", p.faint(bracket(e.Source)))
	}
	fmt.Fprintf(b, "%s%s, sender %s\n", indent, what, e.Sender)
	if e.Error != nil {
		fmt.Fprintf(b, "%s%s\n", indent, p.bad(e.Error.line()))
	}
	for _, rcpt := range e.Recipients {
		var text strings.Builder
		w := bufio.NewWriter(&text)
		rcpt.tree(w, p)
		_ = w.Flush() // a Builder takes everything
		for line := range strings.Lines(text.String()) {
			b.WriteString(indent + "  " + line)
		}
	}
	if e.Members > len(e.Recipients) {
		fmt.Fprintf(b, "%s  and %d more\n", indent, e.Members-len(e.Recipients))
	}
	for _, next := range e.Again {
		next.tree(b, p, indent+"  ")
	}
}
