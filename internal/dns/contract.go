package dns

import (
	"context"
	"net/netip"
	"time"

	"github.com/postroad/postroad/internal/mail"
)

// Kind of a failed look-up.
type Kind uint8

// Kinds of Error. Only NXDomain and NoData are facts about the name; Temporary
// (SERVFAIL, timeout, lame, refused) never counts as "no such name".
const (
	Temporary Kind = iota
	NXDomain
	NoData
)

// Error of a look-up.
type Error struct {
	Kind  Kind
	Name  string
	Type  string // "MX"
	Cause error
}

// MX is one record; Host "" is the root (null MX, RFC 7505).
type MX struct {
	Host mail.Domain
	Pref uint16
	// Literal is the octets of a target that is an IP address, out of standard,
	// or no host name at all; Host is then "".
	Literal string
}

// Meta of an answer.
type Meta struct {
	TTL       time.Duration // of the shortest record on the way
	Secure    bool          // AD, where the resolver is trusted
	Canonical mail.Domain   // the end of the CNAME chain
}

// Resolver answers what deliver asks. Safe for several goroutines. All errors
// are *Error.
type Resolver interface {
	// MX of a name, CNAMEs followed; in the order of the answer.
	MX(ctx context.Context, name mail.Domain) ([]MX, Meta, error)
	// Addrs are the A and AAAA of a name, CNAMEs followed. NXDomain or NoData
	// only when both families say so; when one fails and the other has
	// addresses, those are given.
	Addrs(ctx context.Context, name mail.Domain) ([]netip.Addr, Meta, error)
}

// Error says what was asked and why there is no answer.
func (e *Error) Error() string {
	s := "dns: " + e.Type + " " + e.Name + ": " + [...]string{"temporary failure", "no such name", "no such record"}[e.Kind]
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }
