package control

import (
	"time"

	"github.com/postroad/postroad/internal/spool"
)

// Job is one line of a queue's list: one message on its way over one transport.
type Job struct {
	ID         string      `json:"id"`
	Job        int         `json:"job"`
	Sender     string      `json:"sender"`
	Transport  string      `json:"transport"`
	Nexthop    string      `json:"nexthop"`
	Tenant     string      `json:"tenant"`
	Rule       string      `json:"rule"`
	Copy       string      `json:"copy"`
	Size       int64       `json:"size"`
	Arrived    time.Time   `json:"arrived"`
	Attempts   int         `json:"attempts"`
	LastTry    time.Time   `json:"lastTry,omitzero"`
	Due        time.Time   `json:"due"`
	Asleep     bool        `json:"asleep"` // waits for its lane, until due at most
	Held       bool        `json:"held"`
	Paused     bool        `json:"paused"` // its lane is
	Client     string      `json:"client"`
	Helo       string      `json:"helo"`
	Login      string      `json:"login"`
	Listener   string      `json:"listener"`
	Generation string      `json:"generation"`
	Recipients []Recipient `json:"recipients"`
}

// Recipient of a job, with the last reply to it.
type Recipient struct {
	Recipient string `json:"recipient"`
	Original  string `json:"original"`
	State     string `json:"state"`
	Reply     string `json:"reply"` // "" before the first attempt
	Remote    string `json:"remote"`
	ORCPT     string `json:"orcpt,omitempty"`
	NotBy     string `json:"notBy,omitempty"` // of a migration: a transport that does not know it

	// Told by Show alone: from when on the sender is told of the delay, with the next
	// attempt; none when nobody wants that, or it is done.
	WarnAt time.Time `json:"warnAt,omitzero"`
	Warned bool      `json:"warned,omitempty"`
}

// JobOf is the entry as the list shows it.
func JobOf(e spool.Entry) Job {
	j := Job{
		ID: e.Job.Message.String(), Job: e.Job.N, Sender: e.Job.Sender.String(),
		Transport: e.Job.Lane.Transport, Nexthop: e.Job.Lane.Nexthop, Tenant: e.Job.Lane.Tenant,
		Rule: e.Job.Rule, Copy: e.Job.Copy, Size: e.Job.Size, Arrived: e.Job.Arrived.UTC(),
		Attempts: e.Job.Attempts, LastTry: e.Job.LastTry.UTC(), Due: e.Job.Due.UTC(), Asleep: e.Job.Asleep, Held: e.Job.Held,
		Client: e.Envelope.Client, Helo: e.Envelope.Helo, Login: e.Envelope.Login,
		Listener: e.Envelope.Listener, Generation: e.Envelope.Generation,
		Recipients: make([]Recipient, 0, len(e.Job.Recipients)),
	}
	for _, r := range e.Job.Recipients {
		j.Recipients = append(j.Recipients, recipientOf(r))
	}
	return j
}

func recipientOf(r spool.Recipient) Recipient {
	out := Recipient{Recipient: r.Final.String(), Original: r.Original.String(), State: stateWord(r.State), Remote: r.Remote, ORCPT: r.ORCPT, NotBy: r.NotBy}
	if !r.Reply.IsZero() {
		out.Reply = r.Reply.String()
	}
	return out
}

func stateWord(s spool.State) string {
	switch s {
	case spool.Delivered:
		return "delivered"
	case spool.Failed:
		return "failed"
	case spool.Removed:
		return "removed"
	case spool.Moved:
		return "moved"
	}
	return "waiting"
}
