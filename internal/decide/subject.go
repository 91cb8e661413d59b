package decide

import (
	"strings"

	"github.com/postroad/postroad/internal/mail"
)

// subject is an address as patterns and tables are asked about it: in lower
// case, taken apart once.
type subject struct {
	address mail.Address
	key     string // "ann+news@example.com", "<>" for the null path
	at      int    // of the "@" in key; -1 for the null path
	bare    string // key without the subaddress, "" when it has none
	ext     string // the subaddress with its delimiter ("+News"), as given
}

// subjectOf takes an address apart. Only a hosted domain has subaddresses: what
// the local part of a foreign address means is its own affair.
func (q *query) subjectOf(a mail.Address) subject {
	if a.IsZero() {
		return subject{key: "<>", at: -1}
	}
	sub := subject{address: a, key: a.Key()}
	sub.at = len(sub.key) - len(a.Domain) - 1
	if d := q.domainAt(a.Domain); d != nil {
		if n := d.real.splitAt(sub.key[:sub.at]); n > 0 {
			sub.bare = sub.key[:n] + sub.key[sub.at:]
			sub.ext = a.Local[strings.IndexAny(a.Local, d.real.Subaddress):]
		}
	}
	return sub
}

func (s *subject) isNull() bool { return s.at < 0 }

func (s *subject) local() string { return s.key[:s.at] }

func (s *subject) domain() string { return s.key[s.at+1:] }

// bareLocal is the local part without the subaddress, "" when it has none.
func (s *subject) bareLocal() string {
	if s.bare == "" {
		return ""
	}
	return s.bare[:len(s.bare)-(len(s.key)-s.at)]
}

// isBare tells whether a key stands for the address and all its subaddresses.
func (s *subject) isBare(key string) bool {
	return s.bare != "" && (key == s.bare || key == s.bareLocal())
}

// keys appends the keys under which a pattern table is asked, in CONFIG.md's
// order: full address, without subaddress, domain, parent domains with their
// dot, local part with its "@".
func (s *subject) keys(dst []string) []string {
	dst = append(dst, s.key)
	if s.isNull() {
		return dst
	}
	if s.bare != "" {
		dst = append(dst, s.bare)
	}
	dst = append(dst, s.domain())
	dst = appendParents(dst, s.domain())
	dst = append(dst, s.key[:s.at+1])
	if s.bare != "" {
		dst = append(dst, s.bare[:len(s.bareLocal())+1])
	}
	return dst
}

// appendParents appends ".example.com", ".com" for a.example.com.
func appendParents(dst []string, domain string) []string {
	for rest := parent(domain); rest != ""; rest = parent(rest[1:]) {
		dst = append(dst, rest)
	}
	return dst
}

// parent is the rest of a name from its first dot on, or "". An address literal
// has no parents.
func parent(domain string) string {
	if i := strings.IndexByte(domain, '.'); i >= 0 && domain[0] != '[' {
		return domain[i:]
	}
	return ""
}
