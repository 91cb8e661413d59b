package srs

import (
	"errors"
	"strings"

	"github.com/postroad/postroad/internal/mail"
)

// MaxAge is how many days an address can be used, as with postsrsd.
const MaxAge = 21

// maxLocal is the longest local part (RFC 5321 s4.5.3.1.1).
const maxLocal = 64

// DefaultSeparator stands behind SRS0 and SRS1 where nothing else is asked for.
const DefaultSeparator = '='

// separator is what stands between the parts, whatever stands behind the tag.
const separator = "="

// Errors.
var (
	ErrNotSRS  = errors.New("srs: not an address of the scheme")
	ErrForged  = errors.New("srs: the hash is not ours")
	ErrExpired = errors.New("srs: the address is too old")
	ErrTooLong = errors.New("srs: the local part would be longer than 64 octets")
	// ErrNoSecret: nothing can be signed or verified.
	ErrNoSecret = errors.New("srs: no secret")
)

// Scheme is one domain's way of writing addresses.
type Scheme struct {
	Domain    mail.Domain
	Separator byte     // behind SRS0 and SRS1: "=", "+" or "-"; 0 is "="
	Secrets   [][]byte // the first one signs, all verify
}

// Separators that may stand behind the tag.
const Separators = "=+-"

// Is tells whether a local part is of the scheme, without regard to case.
func Is(local string) bool {
	return len(local) > 4 && (strings.EqualFold(local[:4], "SRS0") || strings.EqualFold(local[:4], "SRS1")) &&
		strings.IndexByte(Separators, local[4]) >= 0
}

// Forward gives the address under which mail from sender is forwarded on a day,
// counted from the first of January 1970. An SRS0 address of another forwarder becomes
// an SRS1 one that leads back to him, and an SRS1 one keeps the first forwarder, so
// that the way back never has more than two stations.
func (s Scheme) Forward(sender mail.Address, day int) (mail.Address, error) {
	if len(s.Secrets) == 0 {
		return mail.Address{}, ErrNoSecret
	}
	var local string
	switch tag, rest := cutTag(sender.Local); tag {
	case "SRS0":
		local = s.wrap(string(sender.Domain), rest)
	case "SRS1":
		p := strings.SplitN(rest[1:], separator, 3)
		if len(p) < 3 {
			local = s.sign(sender, day) // it only looks like one
			break
		}
		local = s.wrap(p[1], p[2])
	default:
		local = s.sign(sender, day)
	}
	if len(local) > maxLocal {
		return mail.Address{}, ErrTooLong
	}
	return mail.Address{Local: local, Domain: s.Domain}, nil
}

// cutTag takes SRS0 or SRS1 off; rest begins with the separator behind it.
func cutTag(local string) (tag, rest string) {
	if !Is(local) {
		return "", local
	}
	return strings.ToUpper(local[:4]), local[4:]
}

// sign makes the local part of an SRS0 address.
func (s Scheme) sign(sender mail.Address, day int) string {
	stamp := stampOf(day)
	hash := hashOf(s.Secrets[0], hashLength, stamp, string(sender.Domain), sender.Local)
	return s.tag("SRS0") + strings.Join([]string{hash, stamp, string(sender.Domain), sender.Local}, separator)
}

// wrap makes the local part of an SRS1 address: first is the first forwarder, rest
// what stands behind SRS0 in the address that he wrote.
func (s Scheme) wrap(first, rest string) string {
	hash := hashOf(s.Secrets[0], hashLength, first, rest)
	return s.tag("SRS1") + strings.Join([]string{hash, first, rest}, separator)
}

func (s Scheme) tag(name string) string {
	if s.Separator == 0 {
		return name + string(DefaultSeparator)
	}
	return name + string(s.Separator)
}

// Reverse gives the address to which an address of ours leads back: the sender of
// the mail, or for SRS1 the address that the first forwarder wrote.
func (s Scheme) Reverse(local string, day int) (mail.Address, error) {
	if len(s.Secrets) == 0 {
		return mail.Address{}, ErrNoSecret
	}
	switch tag, rest := cutTag(local); tag {
	case "SRS0":
		return s.unsign(rest[1:], day)
	case "SRS1":
		return s.unwrap(rest[1:])
	}
	return mail.Address{}, ErrNotSRS
}

func (s Scheme) unsign(rest string, day int) (mail.Address, error) {
	p := strings.SplitN(rest, separator, 4)
	if len(p) < 4 {
		return mail.Address{}, ErrNotSRS
	}
	if !s.verify(p[0], p[1], p[2], p[3]) {
		return mail.Address{}, ErrForged
	}
	if !isFresh(p[1], day) {
		return mail.Address{}, ErrExpired
	}
	return address(p[3], p[2])
}

func (s Scheme) unwrap(rest string) (mail.Address, error) {
	p := strings.SplitN(rest, separator, 3)
	if len(p) < 3 {
		return mail.Address{}, ErrNotSRS
	}
	if !s.verify(p[0], p[1], p[2]) {
		return mail.Address{}, ErrForged
	}
	return address("SRS0"+p[2], p[1])
}

// address puts a mailbox together. What was signed here is one, unless a secret is
// shared with somebody who is less careful.
func address(local, domain string) (mail.Address, error) {
	d, err := mail.ParseDomain(domain)
	if err != nil || local == "" {
		return mail.Address{}, ErrNotSRS
	}
	a, err := mail.ParseAddress(mail.Address{Local: local, Domain: d}.String())
	if err != nil {
		return mail.Address{}, ErrNotSRS
	}
	return a, nil
}
