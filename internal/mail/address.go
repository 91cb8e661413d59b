package mail

import (
	"errors"
	"strings"
)

// Address is a mailbox: the local part without its quotes and escapes, and the
// domain. Addresses are compared with ==; hosted domains compare Key instead.
// The zero Address is no address. Domain is empty only for <postmaster>.
type Address struct {
	Local  string
	Domain Domain
}

// Errors of ParseAddress and ParsePath; Parse functions wrap nothing else.
var (
	ErrSyntax      = errors.New("not a valid address")
	ErrTooLong     = errors.New("address too long")
	ErrSourceRoute = errors.New("source route refused")
	ErrDomain      = errors.New("not a valid domain")
)

// IsZero tells whether a is no address.
func (a Address) IsZero() bool { return a == Address{} }

// Key is the form under which hosted mailboxes are looked up: the local part in
// lower case, "@", the domain.
func (a Address) Key() string { return strings.ToLower(a.Local) + "@" + string(a.Domain) }

// Path is a reverse-path. The zero Path is the null reverse-path <>, which is a
// value of its own and not an absent one.
type Path struct{ Address Address }

// IsNull tells whether p is <>.
func (p Path) IsNull() bool { return p.Address.IsZero() }

// String is the address, or "<>" for the null path.
func (p Path) String() string {
	if p.IsNull() {
		return "<>"
	}
	return p.Address.String()
}
