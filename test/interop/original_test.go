package interop

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/postroad/postroad/test/peer"
)

// A store sees which address the client gave, in a copy for each, and nobody learns
// of another's: Dovecot gets one transaction for each original.
func TestOriginalReachesDovecot(t *testing.T) {
	peer.Need(t, "swaks")
	store := peer.StartDovecot(t, "ann@store.test", "bob@store.test")
	for keep, field := range map[string]string{"x-original-to": "X-Original-To", "delivered-to": "Delivered-To"} {
		dir, bind := peer.Dir(t), peer.FreePort(t)
		pr := peer.StartPostroad(t, dir, head(dir, bind)+fmt.Sprintf(`
domain "store.test" {
  mailboxes  = ["ann", "bob"]
  aliases    = { "info" = ["ann"] }
  subaddress = "+"
  deliver    = transport.store
}
transport "lmtp" "store" {
  to            = [%q]
  keep_original = %q
}
`, store.Addr, keep), bind)
		peer.Run(t, "swaks", "--server", bind, "--from", "s@far.test", "--to", "ann@store.test,info@store.test,bob+"+keep+"@store.test",
			"--header", "To: undisclosed", "--header", "Subject: "+keep)
		var got []string
		waitFiles(t, 3, func() []string { got = toldTo(t, store, keep, field); return got })
		slices.Sort(got)
		if want := []string{"ann ann", "ann info", "bob bob+" + keep}; !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", keep, got, want)
		}
		explained(t, pr, "info@store.test", keep)
	}
}

// toldTo gives the users who got a message of that subject, each with the original
// that it tells.
func toldTo(t *testing.T, store *peer.Dovecot, subject, field string) []string {
	var out []string
	for _, user := range []string{"ann", "bob"} {
		for _, msg := range store.Mail(t, user+"@store.test") {
			if strings.Contains(msg, "Subject: "+subject) {
				out = append(out, user+" "+kept(msg, field))
			}
		}
	}
	return out
}

// kept gives the local parts of all addresses of the store that a message tells in
// the fields that are not the store's own: of the original recipient alone.
func kept(msg, field string) string {
	var out []string
	head, _, _ := strings.Cut(msg, "\n\n")
	for line := range strings.Lines(head) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		local, is := strings.CutSuffix(strings.Trim(value, "<>"), "@store.test")
		if is && strings.EqualFold(name, field) && !slices.Contains(out, local) {
			out = append(out, local)
		}
	}
	// Dovecot's LMTP writes a Delivered-To of the final recipient on top of all.
	if field == "Delivered-To" && len(out) > 1 {
		out = out[1:]
	}
	return strings.Join(out, " ")
}

// explained holds the explanation against the same configuration.
func explained(t *testing.T, pr *peer.Postroad, to, keep string) {
	t.Helper()
	var said struct {
		Recipients []struct {
			Deliveries []struct {
				Original string
				Keep     string `json:"keep_original"`
			}
		}
	}
	if err := json.Unmarshal(pr.Route(t, to), &said); err != nil {
		t.Fatal(err)
	}
	if leg := said.Recipients[0].Deliveries[0]; leg.Original != to || leg.Keep != keep {
		t.Errorf("the explanation says %+v", leg)
	}
}

// Postfix is told the original by ORCPT, and names it where it reports a failure
// (RFC 3464 s2.3.1).
func TestOriginalReachesPostfix(t *testing.T) {
	peer.Need(t, "swaks")
	pf := receivingPostfix(t, "smtpd_reject_unlisted_recipient = no\n") // so that it bounces and not refuses
	dir, bind := peer.Dir(t), peer.FreePort(t)
	peer.StartPostroad(t, dir, head(dir, bind)+fmt.Sprintf(`
domain "ours.test" {
  aliases = { "sales" = ["who@pf.test"] }
}
transport "smtp" "pf" {
  to            = [%q]
  keep_original = "orcpt"
}
route "default" {
  via = transport.pf
}
`, pf.Addr), bind)
	peer.Run(t, "swaks", "--server", bind, "--from", "bob@pf.test", "--to", "Sales@ours.test")
	waitFiles(t, 1, func() []string { return mailboxFiles(pf, "bob") })
	dsn := readOne(t, mailboxFiles(pf, "bob"))
	for _, want := range []string{"Original-Recipient: rfc822;Sales@ours.test", "Final-Recipient: rfc822; who@pf.test"} {
		if !strings.Contains(dsn, want) {
			t.Errorf("the DSN lacks %q:\n%s", want, dsn)
		}
	}
}
