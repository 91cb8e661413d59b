package receive

import (
	"encoding/json"
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
	Recipients  []RecordRecipient `json:"recipients"`
}

// RecordRecipient is one recipient as given.
type RecordRecipient struct {
	Address string      `json:"address"`
	Notify  mail.Notify `json:"notify,omitempty"`
	ORCPT   string      `json:"orcpt,omitempty"`
	Verdict string      `json:"verdict"`
	Rules   []string    `json:"rules,omitempty"` // of its deliveries
}

// recordVersion is written into every record.
const recordVersion = 1

func recordOf(t *Transaction, d decide.Decision) Record {
	f := t.facts
	r := Record{
		Version: recordVersion, Client: f.Client, Listener: f.Listener, Helo: f.Helo,
		Directory: f.Login.Directory, Login: f.Login.Name, TLS: f.TLS, Certificate: f.Certificate,
		Tags: f.Tags, Received: f.Received,
		Recipients: make([]RecordRecipient, len(d.Recipients)),
	}
	for i, rd := range d.Recipients {
		one := RecordRecipient{
			Address: rd.Recipient.Address.String(), Notify: rd.Recipient.Notify, ORCPT: rd.Recipient.ORCPT,
			Verdict: rd.Verdict.String(),
		}
		for _, leg := range rd.Deliveries {
			one.Rules = append(one.Rules, ruleName(leg.Rule))
		}
		r.Recipients[i] = one
	}
	return r
}

// Encode writes the record for spool.Envelope.Decision.
func (r Record) Encode() []byte {
	b, err := json.Marshal(r)
	if err != nil {
		panic("receive: a record is plain data: " + err.Error())
	}
	return b
}
