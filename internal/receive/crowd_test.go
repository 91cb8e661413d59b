package receive

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool/spooltest"
)

// TestRecipientMemory: the recipients of open transactions share a bounded memory.
// Beyond it a transaction that has many hears 452, one with few goes on, and what
// was taken comes back.
func TestRecipientMemory(t *testing.T) {
	rules := &decide.Rules{Hostname: "mx.example.com", Domains: []decide.Domain{{
		Name: "example.com", Members: decide.MembersAny, MailboxTable: decide.NoTable, AliasTable: decide.NoTable,
	}}, Transports: []decide.Transport{{Ref: decide.Ref{Name: decide.BuiltinMX}, Kind: decide.KindMX}}}
	snapshot, err := decide.Compile(rules)
	if err != nil {
		t.Fatal(err)
	}
	a := NewAcceptor(Options{Store: spooltest.Memory()})
	gen := Generation{Config: &config.Config{Rules: rules, Snapshot: snapshot}}
	begin := func() *Transaction {
		return a.Begin(gen, decide.Facts{Client: netip.MustParseAddr("192.0.2.1")}, mail.Envelope{})
	}
	to := mail.Recipient{Address: mail.Address{Local: "ann", Domain: "example.com"}}
	var all []*Transaction
	var last decide.RecipientDecision
	for last.Reply.Code != 452 && len(all) < 100 {
		tx := begin()
		all = append(all, tx)
		for range 20_000 {
			if last = tx.Recipient(t.Context(), to); last.Verdict != decide.Accept {
				break
			}
		}
	}
	if last.Reply.Code != 452 || last.Reply.Enhanced != "4.3.1" {
		t.Fatalf("after %d transactions with 20 000: %s", len(all), last.Reply)
	}
	if n := int64(len(all)) * 20_000 * recipientSize; n < recipientMemory/2 || n > 2*recipientMemory {
		t.Errorf("refused after %d octets, the memory is %d", n, recipientMemory)
	}
	few := begin()
	to.ORCPT = "rfc822;" + strings.Repeat("x", 400)
	for n := range leastRecipients {
		if d := few.Recipient(t.Context(), to); d.Verdict != decide.Accept {
			t.Fatalf("recipient %d of another transaction meanwhile: %s", n, d.Reply)
		}
	}
	for _, tx := range append(all, few) {
		tx.Abort()
		tx.Abort()
	}
	if left := a.recipients.Load(); left != 0 {
		t.Errorf("%d octets are lost", left)
	}
}
