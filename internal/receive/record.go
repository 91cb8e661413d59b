package receive

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
)

// Record is what the spool keeps of a decision: the facts by which the route
// of what is still outstanding can be decided anew, and what was decided for
// each recipient as given.
type Record struct {
	Version     int               `json:"v"`
	Client      netip.Addr        `json:"client,omitzero"`
	Listener    string            `json:"listener,omitempty"`
	Helo        string            `json:"helo,omitempty"`
	Directory   string            `json:"directory,omitempty"`
	Login       string            `json:"login,omitempty"`
	TLS         bool              `json:"tls,omitempty"`
	Certificate string            `json:"certificate,omitempty"`
	Tags        []string          `json:"tags,omitempty"`
	Received    int               `json:"received,omitempty"`
	Own         int               `json:"own,omitempty"`  // octets of our fields in front of the stored message
	Size        int64             `json:"size,omitempty"` // octets of the message as it came
	Recipients  []RecordRecipient `json:"recipients"`
	More        int               `json:"more,omitempty"` // recipients that are not listed
}

// RecordRecipient is one recipient as given.
type RecordRecipient struct {
	Address string      `json:"address"`
	Notify  mail.Notify `json:"notify,omitempty"`
	ORCPT   string      `json:"orcpt,omitempty"`
	Verdict string      `json:"verdict"`
	Sender  string      `json:"sender,omitempty"` // whom rules were asked about, where it was rewritten
	Rules   []string    `json:"rules,omitempty"`  // of its deliveries
}

const (
	// recordVersion is written into every record.
	recordVersion = 1
	// recordRecipients is the most that are listed for nothing but people: every
	// attempt at a message reads its record. All of them stand in its jobs.
	recordRecipients = 1000
)

var errRecordVersion = errors.New("receive: stored decision of an unknown version")

// note adds what is kept of the decision on a recipient.
func (p *plan) note(d *decide.RecipientDecision) {
	one := RecordRecipient{Notify: d.Recipient.Notify, ORCPT: d.Recipient.ORCPT, Verdict: d.Verdict.String()}
	if asked := d.Asked(); !asked.IsZero() && asked != p.t.envelope.Sender.Address {
		one.Sender = asked.String()
	}
	if len(p.record) >= recordRecipients && one.Sender == "" {
		p.more++
		return
	}
	one.Address = d.Recipient.Address.String()
	for i := range d.Deliveries {
		one.Rules = append(one.Rules, ruleName(d.Deliveries[i].Rule))
	}
	p.record = append(p.record, one)
}

// kept is the decision as the spool keeps it.
func (p *plan) kept() Record {
	f := p.t.facts
	return Record{
		Version: recordVersion, Client: f.Client, Listener: f.Listener, Helo: f.Helo,
		Directory: f.Login.Directory, Login: f.Login.Name, TLS: f.TLS, Certificate: f.Certificate,
		Tags: f.Tags, Received: f.Received, Own: p.t.body.own, Size: f.Size,
		Recipients: p.record, More: p.more,
	}
}

// Encode writes the record for spool.Envelope.Decision.
func (r Record) Encode() []byte {
	b, err := json.Marshal(r)
	if err != nil {
		panic("receive: a record is plain data: " + err.Error())
	}
	return b
}

// DecodeRecord reads what Encode wrote.
func DecodeRecord(b []byte) (Record, error) {
	var r Record
	if err := json.Unmarshal(b, &r); err != nil {
		return Record{}, fmt.Errorf("receive: stored decision: %w", err)
	}
	if r.Version != recordVersion {
		return Record{}, fmt.Errorf("%w: %d", errRecordVersion, r.Version)
	}
	return r, nil
}

// facts are what the record still knows of the session that brought the message.
func (r *Record) facts() decide.Facts {
	return decide.Facts{
		Client: r.Client, Listener: r.Listener, Helo: r.Helo,
		Login: decide.Login{Directory: r.Directory, Name: r.Login},
		TLS:   r.TLS, Certificate: r.Certificate, Tags: r.Tags,
	}
}

// asked gives the sender about whom rules are asked for a recipient as given.
func (r *Record) asked(original mail.Address, sender mail.Path) mail.Path {
	for i := range r.Recipients {
		if one := &r.Recipients[i]; one.Sender != "" && one.Address == original.String() {
			if a, err := mail.ParseAddress(one.Sender); err == nil {
				return mail.Path{Address: a}
			}
		}
	}
	return sender
}
