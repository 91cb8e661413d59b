package decide

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"strings"

	"github.com/postroad/postroad/internal/mail"
)

// markOctets of the MAC are kept: 80 bits cannot be guessed online, and give 16
// letters without padding.
const markOctets = 10

// MarkField is the header field that carries Marks, separated by white space.
const MarkField = "X-Postroad-Mark"

// Marks gives those of the fields of a message.
func Marks(fields []string) []string {
	var out []string
	for _, f := range fields {
		out = append(out, strings.Fields(f)...)
	}
	return out
}

// IsSide tells whether a transport leads to one of the sides between which a domain
// moves. What goes there is marked, whatever the transport speaks, since such a
// system may send it back.
func (s *Snapshot) IsSide(transport string, name mail.Domain) bool {
	d := s.domains[name]
	if d == nil || d.real.Migration == nil {
		return false
	}
	return transport == d.real.Migration.New || transport == d.real.Migration.Old
}

// Mark names one leg, a final recipient over a transport, in a header field. A
// message that comes in with the mark of a leg which it would now take again has
// been there before: a loop is named on its first return and not after a hundred
// hops. The key keeps others from writing marks, and from reading them.
func Mark(key []byte, recipient mail.Address, transport string) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(recipient.Key()))
	h.Write([]byte{0})
	h.Write([]byte(transport))
	return strings.ToLower(base32.StdEncoding.EncodeToString(h.Sum(nil)[:markOctets]))
}
