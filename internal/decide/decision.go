package decide

import (
	"net/netip"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/table"
)

// Origin says by which door a message came (CONFIG.md, origin × stage).
type Origin uint8

// Origins.
const (
	OriginSMTP       Origin = iota
	OriginReport            // DSN or warning of our own: not admitted, no copy
	OriginReinjected        // list member or other tenant
	OriginReroute           // queued mail: only route
)

// Login is an authenticated identity; the zero Login is none.
type Login struct{ Directory, Name string }

// String is "directory/name", or "".
func (l Login) String() string {
	if l == (Login{}) {
		return ""
	}
	return l.Directory + "/" + l.Name
}

// Facts is what is known of the session and, after the end of data, of the
// message. At RCPT, HasMessage is false and the fields below it are not asked.
type Facts struct {
	Origin      Origin
	Client      netip.Addr // the real peer, unmapped
	Listener    string
	Helo        string
	Login       Login
	TLS         bool
	Certificate string              // "sha256:<hex>" of a client certificate, ""
	Day         int                 // since the first of January 1970, of the transaction
	SRS         map[string][][]byte // secrets by the name of the scheme; the first one signs

	Alias     mail.Address // that sends the mail on to the recipients under its own sender; zero: none
	Continued bool         // further members of a list: the message was copied with the first

	HasMessage  bool
	Header      mail.Header // top block
	Size        int64       // octets
	Tags        []string
	Received    int            // Received fields in the top block
	DeliveredTo []mail.Address // of the top block
	Marks       []string       // our own loop marks in the top block, unverified
	MarkKey     []byte         // key of the marks; nil: marks are not looked at

	Tenant   string   // on whose behalf mail of our own goes: reports, list members, queued mail
	Declared int64    // SIZE= of MAIL, for what is asked before the message has come
	Over     []string // tenants that are beyond their rate or their share of the queue
}

// Verdict on one recipient.
type Verdict uint8

// Verdicts. The zero one is Defer, so that what nobody decided waits.
const (
	Defer Verdict = iota
	Accept
	Reject
)

// String is the word of CONFIG.md's JSON: accept, reject, defer.
func (v Verdict) String() string { return [...]string{"defer", "accept", "reject"}[v] }

// Stage is the word that starts a line of an explanation.
type Stage string

// Stages in their order.
const (
	StageAdmit   Stage = "admit"
	StageAddress Stage = "address"
	StageRewrite Stage = "rewrite"
	StageExpand  Stage = "expand"
	StageChain   Stage = "chain"
	StageCopy    Stage = "copy"
	StageRoute   Stage = "route"
)

// Step is one line of the trace.
type Step struct {
	Stage   Stage
	Rule    string // "route.partner", "table.aliases", "" for the house's own rules
	Source  string // "postroad.hcl:31", "aliases:12"
	Outcome string // "sales@example.com -> alice@example.com", "does not hold: sender"
}

// Question is a key to be looked up in a remote table.
type Question struct {
	Table TableID
	Key   string
}

// Memo holds the pinned tables of a transaction and the answers so far. It
// belongs to one transaction and is not safe for use by several goroutines.
type Memo struct {
	View    table.View
	Answers map[Question]table.Answer // of remote tables; may be nil
}

// Delivery is one leg: one final recipient over one transport.
type Delivery struct {
	Recipient mail.Address // final
	Original  mail.Address // as the client gave it
	Sender    mail.Path
	Tenant    string
	Transport string
	Kind      string
	Nexthops  []string     // overrides the transport's own hosts (transport(5)); nil: its own
	Rule      Ref          // that chose the transport
	Copy      string       // rule of the copy, "" when it is none
	Expanded  mail.Address // the address that was expanded, for Delivered-To; zero when none was
	Notify    mail.Notify
	ORCPT     string
	EnvID     string
	Ret       mail.Ret
	Reply     mail.Reply // kind reject: what it says
	Homed     bool       // Transport is that of the recipient's home, looked up again at each attempt
	NotBy     string     // Homed: the side that has sent the message back; "" none
	Other     string     // Homed: transport of the side that is asked about whom this one does not know; "" none
	Edits     []Edit     // of the header; nil: none
	Changes   []Change   // of envelope and header, for people; filled only when Input.Trace
	Keep      Keep       // how the next hop is told Original
}

// RecipientDecision is what shall become of one recipient.
type RecipientDecision struct {
	Recipient  mail.Recipient // as given
	Tenant     string         // whose mail it is; "": the top level's
	Verdict    Verdict
	Reply      mail.Reply
	Deliveries []Delivery // Accept only; may be empty for a discard by alias to nothing
	Refused    []Delivery // members refused among others accepted; reported to the sender
	Steps      []Step     // filled only when Input.Trace

	sender *subject // as rewritten; rules on copies are asked about it
}

// Asked is the sender about whom routes were asked: as it was rewritten on the way
// in.
func (d *RecipientDecision) Asked() mail.Address {
	if d.sender == nil {
		return mail.Address{}
	}
	return d.sender.address
}

// Decision is the answer for a message.
type Decision struct {
	Generation string
	Verdict    Verdict    // of the whole: one SMTP reply after DATA
	Reply      mail.Reply // for Reject and Defer; accept chooses its own 250
	Recipients []RecipientDecision
	Waits      []string   // Defer: tenants whose mail cannot be decided, while that of others can
	Needs      []Question // not empty: nothing else counts, ask and call again
}
