package postfix

import (
	"net/netip"
	"strings"
)

// Model answers as Postfix would, from its configuration alone: what smtpd(8)
// says to RCPT, what cleanup(8) makes of the addresses, which transport and next
// hop trivial-rewrite(8) gives, and what local(8) does with aliases(5).
type Model struct {
	*Installation

	mydestination  matchList
	virtualAlias   matchList
	virtualMailbox matchList
	relay          matchList
	mynetworks     matchList

	virtual      Tables
	canonical    Tables
	rcptCanon    Tables
	senderCanon  Tables
	generic      Tables
	transport    Tables
	senderRelay  Tables
	senderVia    Tables
	mailboxes    Tables
	relayRcpts   Tables
	localRcpts   Tables
	localAliases Tables
	senderLogins Tables

	delimiters string
	propagates map[string]bool
	notes      map[string]bool // parameters that shaped the answer under way
}

// Question is one envelope.
type Question struct {
	Client    netip.Addr
	Sender    string // "" is the null path
	Recipient string
}

// Leg is one delivery.
type Leg struct {
	Sender    string
	Recipient string
	Transport string
	Nexthop   string
	Copy      bool
}

// Answer is what Postfix does.
type Answer struct {
	Verdict string // accept, reject, defer: the reply to RCPT
	Legs    []Leg
	Bounced []string // recipients that come back after they were accepted
	Reason  string   // of a refusal or a bounce
	Shaped  []string // parameters that had a part in it
}

// NewModel compiles the model.
func (in *Installation) NewModel() *Model {
	m := &Model{
		Installation:   in,
		mydestination:  in.MatchList("mydestination"),
		virtualAlias:   in.MatchList("virtual_alias_domains"),
		virtualMailbox: in.MatchList("virtual_mailbox_domains"),
		relay:          in.MatchList("relay_domains"),
		mynetworks:     in.mynetworks(),
		virtual:        in.Tables("virtual_alias_maps"),
		canonical:      in.Tables("canonical_maps"),
		rcptCanon:      in.Tables("recipient_canonical_maps"),
		senderCanon:    in.Tables("sender_canonical_maps"),
		generic:        in.Tables("smtp_generic_maps"),
		transport:      in.Tables("transport_maps"),
		senderRelay:    in.Tables("sender_dependent_relayhost_maps"),
		senderVia:      in.Tables("sender_dependent_default_transport_maps"),
		mailboxes:      in.Tables("virtual_mailbox_maps"),
		relayRcpts:     in.Tables("relay_recipient_maps"),
		localRcpts:     in.Tables("local_recipient_maps"),
		localAliases:   in.Tables("alias_maps"),
		senderLogins:   in.Tables("smtpd_sender_login_maps"),
		delimiters:     in.Main.Get("recipient_delimiter"),
		propagates:     map[string]bool{},
	}
	for _, name := range in.Main.Items("propagate_unmatched_extensions") {
		m.propagates[name] = true
	}
	return m
}

// mynetworks is the list, or what mynetworks_style makes where none is set: of
// the machine's own networks only the loopback is known here.
func (in *Installation) mynetworks() matchList {
	if in.Main.IsSet("mynetworks") {
		return in.MatchList("mynetworks")
	}
	return in.matchList([]string{"127.0.0.0/8", "[::1]/128"}, matchOrigin{place: "Postfix's default"})
}

// note remembers that a parameter had a part in the answer.
func (m *Model) note(parameter string) { m.notes[parameter] = true }

// Ask answers one envelope.
func (m *Model) Ask(q Question) Answer {
	m.notes = map[string]bool{}
	a := Answer{Verdict: "accept"}
	q.Recipient = m.Main.completed(q.Recipient)
	if verdict, reason := m.admit(q); verdict != "" {
		a.Verdict, a.Reason = verdict, reason
	} else {
		m.deliver(q, &a)
	}
	for name := range m.notes {
		a.Shaped = append(a.Shaped, name)
	}
	return a
}

// deliver follows an accepted recipient, and the copies that it causes.
func (m *Model) deliver(q Question, a *Answer) {
	sender := m.canonicalSender(q.Sender)
	recipient := m.canonicalRecipient(q.Recipient)
	finals, ok := m.expand(recipient)
	if !ok {
		a.Verdict, a.Reason = "defer", "alias expansion error"
		return
	}
	for _, r := range finals {
		m.leg(a, sender, r, false)
	}
	for _, to := range m.copies(sender, recipient) {
		finals, _ = m.expand(m.canonicalRecipient(to))
		for _, r := range finals {
			m.leg(a, sender, r, true)
		}
	}
}

// leg adds what becomes of one address behind the virtual aliases.
func (m *Model) leg(a *Answer, sender, address string, isCopy bool) {
	before := len(a.Legs)
	m.final(a, sender, address)
	for i := before; i < len(a.Legs); i++ {
		a.Legs[i].Copy = isCopy
		m.outgoing(&a.Legs[i])
	}
}

// final resolves an address; what goes to local(8) goes through aliases(5).
func (m *Model) final(a *Answer, sender, address string) {
	w := m.resolve(sender, address)
	if w.class == classLocal && w.transport == "local" {
		m.local(a, sender, address)
		return
	}
	m.end(a, sender, address, w)
}

// end takes in one final recipient.
func (m *Model) end(a *Answer, sender, address string, w way) {
	switch w.transport {
	case "error":
		a.Bounced, a.Reason = append(a.Bounced, address), w.nexthop
	default:
		leg := Leg{Sender: sender, Recipient: address, Transport: w.transport, Nexthop: w.nexthop}
		for _, l := range a.Legs {
			if strings.EqualFold(l.Recipient, leg.Recipient) && l.Transport == leg.Transport && l.Nexthop == leg.Nexthop {
				return
			}
		}
		a.Legs = append(a.Legs, leg)
	}
}
