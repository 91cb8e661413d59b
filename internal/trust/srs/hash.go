package srs

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"strings"
)

// hashLength is how many letters of base64 are written: 24 bits, of which the
// comparison without case leaves some 20. That is enough against guessing over
// SMTP within MaxAge, and more would not fit beside long addresses.
const hashLength = 4

// maxHash bounds the letters of a hash that is shown to us.
const maxHash = 27

// hashOf is the start of the HMAC over parts in lower case, since some hosts change
// the case of local parts.
func hashOf(secret []byte, length int, parts ...string) string {
	h := hmac.New(sha1.New, secret)
	for _, p := range parts {
		h.Write([]byte(lower(p)))
	}
	return base64.RawStdEncoding.EncodeToString(h.Sum(nil))[:length]
}

// lower folds ASCII only, as the others do.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// verify holds a hash against all secrets, without regard to case. One that is longer
// than ours is held against as much of the HMAC: another host with the same secret
// may write longer ones.
func (s Scheme) verify(hash string, parts ...string) bool {
	if len(hash) < hashLength || len(hash) > maxHash {
		return false
	}
	ok := false
	for _, secret := range s.Secrets {
		want := hashOf(secret, len(hash), parts...)
		ok = hmac.Equal([]byte(lower(want)), []byte(lower(hash))) || ok
	}
	return ok
}
