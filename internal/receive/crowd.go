package receive

import (
	"context"

	"golang.org/x/sync/semaphore"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
)

const (
	// crowdRecipients are more than a message usually has: they are decided one by
	// one, and not at the same time as those of other such messages.
	crowdRecipients = 1000
	// crowdsAtOnce are the recipients of such messages that are decided and stored
	// at once: 50 000 take 25 MB meanwhile.
	crowdsAtOnce = 50_000

	// leastRecipients are taken however little memory there is (RFC 5321
	// s4.5.3.1.8). usualRecipients octets are what a transaction may take without
	// asking, recipientMemory what all that take more have together.
	leastRecipients = 100
	usualRecipients = 32 << 10
	recipientMemory = 32 << 20

	// recipientSize is what a recipient takes beside its text, answerSize what the
	// answer of a remote table does.
	recipientSize = 128
	answerSize    = 256
)

// crowds are the messages to very many that are being decided and stored. More of
// them wait: what becomes of their recipients is megabytes, which no client needs
// at once.
type crowds struct{ *semaphore.Weighted }

// begin waits until a message to n recipients may be decided. The caller calls what
// it gets at the end.
func (c crowds) begin(ctx context.Context, n int) (end func(), err error) {
	weight := int64(min(n, crowdsAtOnce))
	if err := c.Acquire(ctx, weight); err != nil {
		return nil, storeError(err)
	}
	return func() { c.Release(weight) }, nil
}

// isCrowd tells of a message to very many that came by SMTP. Those to a list are
// decided in parts.
func (t *Transaction) isCrowd() bool {
	return len(t.envelope.Recipients) > crowdRecipients && t.facts.Origin == decide.OriginSMTP
}

// hold takes memory for one more recipient; false means that there is none left.
func (t *Transaction) hold(to mail.Recipient) bool {
	n := recipientSize + int64(len(to.Address.Local)+len(to.Address.Domain)+len(to.ORCPT))
	need := t.octets + n + answerSize*int64(len(t.memo.Answers))
	for t.held+usualRecipients < need {
		if t.acceptor.recipients.Add(usualRecipients) > recipientMemory {
			t.acceptor.recipients.Add(-usualRecipients)
			if len(t.envelope.Recipients) >= leastRecipients {
				return false
			}
			break
		}
		t.held += usualRecipients
	}
	t.octets += n
	return true
}
