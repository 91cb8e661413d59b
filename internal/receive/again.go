package receive

import (
	"context"
	"crypto/tls"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

// Reentry is mail of a rehearsed message that comes in again, as a transaction of
// its own: for recipients in the domain of another tenant, or for the members of
// a list.
type Reentry struct {
	Tenant     string       // on whose behalf
	List       *decide.List // nil: recipients of a domain of others
	Members    int          // of List; the first MostMembers of them are Recipients
	Sender     mail.Path
	Recipients []mail.Recipient
	Message    decide.Decision
	Again      []Reentry
	Err        error // why nothing can be told: *mail.Error
}

// MostMembers of a list are rehearsed.
const MostMembers = 100

// mostAgain bounds how often a message comes in again in a rehearsal. Aliases that
// lead round in circles end by Delivered-To before that.
const mostAgain = 10

// script is a message as it would be kept.
type script struct {
	trace  []byte // fields of ours, in front
	header mail.Header
	size   int64
}

// rehearsal is what all transactions of one have in common.
type rehearsal struct {
	acceptor *Acceptor
	gen      Generation
	markKey  []byte
}

// kept is the message of a transaction with the field of this hop.
func (t *Transaction) kept(hop Hop) script {
	trace := hop.append(nil, receivedFor(t, spool.ID{}, now()))
	return script{trace: trace, header: t.facts.Header, size: t.facts.Size + int64(len(trace))}
}

// hop is about what a session would tell of itself; the size of a message that comes
// in again has some octets of it.
func (t *Transaction) hop() Hop {
	f := &t.facts
	h := Hop{By: string(t.gen.Config.Hostname), Helo: f.Helo, Client: f.Client, Extended: true, Login: f.Login.Name != ""}
	if f.TLS {
		h.TLS = tlsName(&tls.ConnectionState{Version: tls.VersionTLS13, CipherSuite: tls.TLS_AES_128_GCM_SHA256})
	}
	return h
}

// leaving is the message as it leaves with a group, behind what told the address
// that was expanded to it.
func (s script) leaving(g decide.Group) (mail.Header, int64) {
	text := []byte{}
	if at := expandedBy(g); !at.IsZero() {
		text = append(text, deliveredTo(at)...)
	}
	size := s.size + int64(len(text))
	text = append(text, s.trace...)
	var raw []byte
	for _, f := range s.header {
		raw = append(raw, f.Raw...)
	}
	from := 0
	for _, e := range g.Edits {
		text = append(append(text, raw[from:e.At]...), e.Text...)
		from = int(e.At) + e.Len
		size += int64(len(e.Text) - e.Len)
	}
	h, _ := mail.ScanHeader(append(text, raw[from:]...))
	return h, size
}

// expandedBy is the address that led to a group, or the list that it is.
func expandedBy(g decide.Group) mail.Address {
	if g.Transport == decide.BuiltinList {
		return g.Deliveries[0].Recipient
	}
	return g.Expanded
}

// again rehearses what of a message comes in again, in the order of its jobs.
func (r *rehearsal) again(ctx context.Context, d decide.Decision, s script, depth int) []Reentry {
	if d.Verdict != decide.Accept || depth == mostAgain {
		return nil
	}
	var out []Reentry
	for _, g := range decide.Groups(d) {
		switch {
		case g.Kind != decide.KindReinject:
		case g.Transport == decide.BuiltinList:
			for _, leg := range g.Deliveries {
				one := g
				one.Deliveries = []*decide.Delivery{leg}
				out = append(out, r.list(ctx, one, s, depth))
			}
		default:
			e := Reentry{Tenant: g.Tenant, Sender: g.Sender}
			for _, leg := range g.Deliveries {
				e.Recipients = append(e.Recipients, mail.Recipient{Address: leg.Recipient, Notify: leg.Notify, ORCPT: leg.ORCPT})
			}
			r.enter(ctx, &e, g, s, depth)
			out = append(out, e)
		}
	}
	return out
}

// list rehearses the mail to a list's members.
func (r *rehearsal) list(ctx context.Context, g decide.Group, s script, depth int) Reentry {
	leg := g.Deliveries[0]
	e := Reentry{Tenant: g.Tenant, Sender: g.Sender}
	if e.List, e.Err = listAt(ctx, r.gen, leg.Recipient); e.Err != nil {
		return e
	}
	var member mail.Recipient
	e.Sender, member = onBehalf(e.List, g.Sender, mail.Recipient{Notify: leg.Notify, ORCPT: leg.ORCPT})
	e.Err = roster{gen: r.gen, list: e.List}.each(ctx, func(a mail.Address) error {
		if e.Members++; e.Members <= MostMembers {
			member.Address = a
			e.Recipients = append(e.Recipients, member)
		}
		return nil
	})
	if e.Err == nil && e.Members > 0 {
		r.enter(ctx, &e, g, s, depth)
	}
	return e
}

// enter rehearses one transaction.
func (r *rehearsal) enter(ctx context.Context, e *Reentry, g decide.Group, s script, depth int) {
	facts := decide.Facts{Origin: decide.OriginReinjected, MarkKey: r.markKey}
	if e.List != nil {
		facts.Tenant = e.List.Tenant
		if e.List.Owner.IsZero() {
			facts.Alias = e.List.Address
		}
	}
	t := r.acceptor.Begin(r.gen, facts, mail.Envelope{Sender: e.Sender, Recipients: e.Recipients, EnvID: g.EnvID, Ret: g.Ret, SMTPUTF8: true})
	t.messageFacts(s.leaving(g))
	e.Message = t.rehearseMessage(ctx)
	e.Again = r.again(ctx, e.Message, t.kept(Hop{By: string(r.gen.Config.Hostname)}), depth+1)
}

// deliveredTo is the field by which mail that comes in again tells what was
// expanded: it ends loops (RFC 9228).
func deliveredTo(a mail.Address) string { return "Delivered-To: " + a.String() + "\r\n" }

// addFrom gives a rehearsed submission the field that a session adds when it is
// missing (RFC 6409 s8.2): rules see it.
func (t *Transaction) addFrom() {
	if _, ok := t.facts.Header.Get("From"); ok || t.facts.Login.Name == "" || t.envelope.Sender.IsNull() {
		return
	}
	field := "From: <" + t.envelope.Sender.String() + ">\r\n"
	added, _ := mail.ScanHeader([]byte(field))
	t.facts.Header = append(added, t.facts.Header...)
}
