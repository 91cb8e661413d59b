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

// MarkField is the header field that carries a Mark, one field for each.
const MarkField = "X-Postroad-Mark"

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
