package directory

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

var errHash = errors.New("not an argon2id or bcrypt hash")

// Bounds of argon2id: what a line of a file can make the server spend on one
// verification.
const (
	maxArgonMemory = 1 << 20 // KiB
	maxArgonTime   = 64
	minArgonKey    = 16
)

// passwordHash is one parsed hash.
type passwordHash interface {
	matches(password string) bool
}

// parseHash reads "$argon2id$…" and "$2a$", "$2b$" or "$2y$", also behind the
// scheme that Dovecot writes in front.
func parseHash(s string) (passwordHash, error) {
	for _, scheme := range []string{"{ARGON2ID}", "{BLF-CRYPT}", "{CRYPT}"} {
		s = strings.TrimPrefix(s, scheme)
	}
	switch {
	case strings.HasPrefix(s, "$argon2id$"):
		return parseArgon(s)
	case strings.HasPrefix(s, "$2a$"), strings.HasPrefix(s, "$2b$"), strings.HasPrefix(s, "$2y$"):
		if _, err := bcrypt.Cost([]byte(s)); err != nil || len(s) != 60 {
			return nil, errHash
		}
		return bcryptHash(s), nil
	}
	return nil, errHash
}

type bcryptHash string

// matches: of a longer password bcrypt sees the first 72 octets only, as every
// program does that wrote such hashes.
func (h bcryptHash) matches(password string) bool {
	return bcrypt.CompareHashAndPassword([]byte(h), []byte(password)) == nil
}

type argonHash struct {
	memory, time uint32
	threads      uint8
	salt, key    []byte
}

func (h argonHash) matches(password string) bool {
	got := argon2.IDKey([]byte(password), h.salt, h.time, h.memory, h.threads, uint32(len(h.key)))
	return subtle.ConstantTimeCompare(got, h.key) == 1
}

// parseArgon reads "$argon2id$v=19$m=65536,t=3,p=4$salt$hash" (PHC string format).
func parseArgon(s string) (passwordHash, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[2] != "v=19" {
		return nil, errHash
	}
	var h argonHash
	var rest string
	n, _ := fmt.Sscanf(parts[3]+" ", "m=%d,t=%d,p=%d%s", &h.memory, &h.time, &h.threads, &rest)
	if n != 3 || h.memory < 8 || h.memory > maxArgonMemory || h.time < 1 || h.time > maxArgonTime || h.threads < 1 {
		return nil, errHash
	}
	var err error
	if h.salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil || len(h.salt) < 8 {
		return nil, errHash
	}
	if h.key, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil || len(h.key) < minArgonKey {
		return nil, errHash
	}
	return h, nil
}
