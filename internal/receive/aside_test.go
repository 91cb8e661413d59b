package receive_test

import (
	"net/netip"
	"testing"

	"github.com/postroad/postroad/internal/decide"
)

// A message for two tenants has one answer. The tenant whose rules cannot tell at
// the end of the data holds up the others' mail once and not again; then its own
// is judged as before.
func TestTenantHoldsUpOthersOnce(t *testing.T) {
	w := newWorld(t)
	w.reload(t, func(r *decide.Rules) {
		acme, beta := hosted("acme.example", "ann"), hosted("beta.example", "bob")
		acme.Tenant, beta.Tenant = "acme", "beta"
		r.Domains = append(r.Domains, acme, beta)
		r.Tenants = append(r.Tenants, decide.Tenant{Name: "acme"}, decide.Tenant{Name: "beta"})
		asks := noTables()
		asks.Header = []decide.HeaderPattern{{Name: "X-Ask", Glob: "*"}}
		asks.Sender = []decide.Pattern{{Kind: decide.PatternTable, Table: 0}}
		r.Deny = append(r.Deny, decide.Deny{Ref: decide.Ref{Name: "tenant.acme.deny.asks"}, Tenant: "acme", Match: asks})
	})
	conn, _ := w.connect("public", netip.MustParseAddr("192.0.2.77"))
	defer conn.Close()
	c := newClient(t, conn)
	c.greeted("220")
	c.say("EHLO c.example", "250")
	send := func(ann, bob, end string) {
		t.Helper()
		c.say("MAIL FROM:<panics@slow.example>", "250")
		taken := false
		for to, want := range map[string]string{"ann@acme.example": ann, "bob@beta.example": bob} {
			if want != "" {
				c.say("RCPT TO:<"+to+">", want)
				taken = taken || want == "250"
			}
		}
		if taken {
			c.say("DATA", "354")
			c.say("X-Ask: yes\r\n\r\nbody\r\n.", end)
		} else {
			c.say("RSET", "250")
		}
	}
	send("250", "250", "451") // acme's table is away
	send("451", "250", "250") // bob has it
	if got := jobLines(w.store.take()); got == "" {
		t.Error("nothing was taken for beta")
	}
	send("250", "", "451") // what is left waits for itself alone,
	send("250", "", "451") // and holds nobody up
	send("", "250", "250")
}
