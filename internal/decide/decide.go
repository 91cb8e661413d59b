package decide

import "github.com/postroad/postroad/internal/mail"

// Input of one decision.
type Input struct {
	Facts    Facts
	Sender   mail.Path
	Original mail.Address // OriginReroute: the address as the client gave it; zero: the recipient's own
	EnvID    string
	Ret      mail.Ret
	Memo     *Memo
	Trace    bool // fill Steps
}

// Recipient answers at RCPT with what is known then. Questions that are not
// empty mean that nothing else counts: ask, add to the Memo, call again.
func (s *Snapshot) Recipient(in Input, r mail.Recipient) (RecipientDecision, []Question) {
	return RecipientDecision{Recipient: r}, nil
}

// Message completes the decision after the filters, with tags, header and size.
func (s *Snapshot) Message(in Input, rs []mail.Recipient) Decision {
	return Decision{Generation: s.Rules.Generation}
}
