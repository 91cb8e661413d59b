package explain

import (
	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/queue"
)

// Result is the answer to a Query: CONFIG.md's JSON object. Its names are stable.
type Result struct {
	Sender     string      `json:"sender"`
	Client     string      `json:"client"`
	Login      string      `json:"login"`
	Listener   string      `json:"listener"`
	Generation string      `json:"generation"`
	Recipients []Recipient `json:"recipients"`
	Again      []Entry     `json:"again,omitempty"`  // what comes in again of it
	Tables     []Table     `json:"tables,omitempty"` // of the running server
}

// Recipient is what would become of one recipient.
type Recipient struct {
	Recipient  string     `json:"recipient"`
	Verdict    string     `json:"verdict"` // accept, reject, defer
	Reply      Reply      `json:"reply"`
	Deliveries []Delivery `json:"deliveries"`
	Steps      []Step     `json:"steps"`
	Limits     *Limits    `json:"limits,omitempty"` // of the tenant whose mail it is
}

// Reply is the reply that the client would get.
type Reply struct {
	Code     int    `json:"code"`
	Enhanced string `json:"enhanced"`
	Text     string `json:"text"`
}

// Delivery is one leg of the way.
type Delivery struct {
	Recipient string   `json:"recipient"`
	Original  string   `json:"original"`
	Sender    string   `json:"sender"`
	Tenant    string   `json:"tenant"`
	Transport string   `json:"transport"`
	Kind      string   `json:"kind"`
	Nexthops  []string `json:"nexthops"`
	Order     string   `json:"order"` // failover, random, mx; "" where there are no hosts
	Rule      string   `json:"rule"`
	Source    string   `json:"source"`
	Copy      string   `json:"copy"`
	Other     string   `json:"other"` // transport that is asked about whom this one does not know
	Edits     []Edit   `json:"edits"`
	Keep      string   `json:"keep_original,omitempty"` // how the next hop is told original
	Hosts     []Host   `json:"hosts,omitempty"`         // asked for with DNS
	Error     *Reply   `json:"error,omitempty"`         // why there are none

	Paused *queue.Pause `json:"paused,omitempty"` // in which it would wait
}

// Edit is one address that is another one than in the message as it came in. What
// stands in a header follows the order of the message.
type Edit struct {
	Part  string `json:"part"`  // sender, recipient: of the envelope; header
	Field string `json:"field"` // of the header
	From  string `json:"from"`
	To    string `json:"to"`
	By    []Rule `json:"by"` // in their order
}

// Rule is a rule and where it stands.
type Rule struct {
	Rule   string `json:"rule"`
	Source string `json:"source"`
}

// Host is one address to connect to, in the order of trial.
type Host struct {
	Host       string   `json:"host"`
	Port       int      `json:"port"`
	Preference *int     `json:"preference"` // null: no MX record names it
	Addresses  []string `json:"addresses"`
	TLS        string   `json:"tls"`
	Error      *Reply   `json:"error,omitempty"` // why it has no address now
}

// Step is one line of the explanation.
type Step struct {
	Stage   string `json:"stage"`
	Rule    string `json:"rule"`
	Outcome string `json:"outcome"`
	Source  string `json:"source"`
}

// Table is one table as the running server has it.
type Table struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Age     string `json:"age"`               // since it was read
	Changed string `json:"changed,omitempty"` // when its file was written
	Entries int    `json:"entries"`
	Error   string `json:"error,omitempty"`
}

// Exit statuses of a question, as CONFIG.md has them.
const (
	ExitAccepted = 0
	ExitRejected = 1
	ExitDeferred = 75
)

// Exit is 0 when all are accepted, 75 when none is rejected but one deferred, 1
// otherwise.
func (r Result) Exit() int {
	exit := ExitAccepted
	for _, rcpt := range r.Recipients {
		switch rcpt.Verdict {
		case decide.Accept.String():
		case decide.Defer.String():
			exit = ExitDeferred
		default:
			return ExitRejected
		}
	}
	return exit
}
