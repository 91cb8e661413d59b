package ldap

import (
	"errors"
	"fmt"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

var (
	errFilter = errors.New("this is no filter of LDAP")
	errNoKey  = errors.New("the filter compares nothing with")
)

// Filter is a search filter (RFC 4515) with a mark where the key stands.
type Filter struct {
	text, mark string
	proofs     []comparison
}

// comparison is an attribute, and the text with the mark that it is held against.
type comparison struct{ attribute, text string }

// ParseFilter reads a filter in which the mark stands as a value or in one. As the
// name of an attribute it would let keys say what is compared.
func ParseFilter(text, mark string) (*Filter, error) {
	p, err := ldap.CompileFilter(text)
	if err != nil || p == nil {
		return nil, errFilter
	}
	f := &Filter{text: text, mark: mark}
	if n := strings.Count(text, mark); n == 0 || f.marks(p) != n {
		return nil, fmt.Errorf("%w %s", errNoKey, mark)
	}
	f.proofs = f.proofsOf(p)
	return f, nil
}

// With is the filter of a key.
func (f *Filter) With(key string) string {
	return strings.ReplaceAll(f.text, f.mark, ldap.EscapeFilter(key))
}

// marks counts the marks in values.
func (f *Filter) marks(p *ber.Packet) int {
	n := 0
	switch p.Tag {
	case ldap.FilterAnd, ldap.FilterOr, ldap.FilterNot:
		for _, c := range p.Children {
			n += f.marks(c)
		}
	case ldap.FilterSubstrings:
		for _, part := range p.Children[1].Children {
			n += f.count(part)
		}
	case ldap.FilterExtensibleMatch:
		for _, c := range p.Children {
			if c.Tag == ldap.MatchingRuleAssertionMatchValue {
				n += f.count(c)
			}
		}
	case ldap.FilterPresent:
	default:
		n = f.count(p.Children[1])
	}
	return n
}

func (f *Filter) count(p *ber.Packet) int { return strings.Count(textOf(p), f.mark) }

func textOf(p *ber.Packet) string {
	s, _ := p.Value.(string)
	return s
}

// proofsOf are comparisons for equality of which each entry that is found fulfils
// one; none where it may be found otherwise.
func (f *Filter) proofsOf(p *ber.Packet) []comparison {
	switch p.Tag {
	case ldap.FilterEqualityMatch:
		if f.count(p.Children[1]) > 0 {
			return []comparison{{textOf(p.Children[0]), textOf(p.Children[1])}}
		}
	case ldap.FilterAnd:
		for _, c := range p.Children {
			if got := f.proofsOf(c); got != nil {
				return got
			}
		}
	case ldap.FilterOr:
		var all []comparison
		for _, c := range p.Children {
			got := f.proofsOf(c)
			if got == nil {
				return nil
			}
			all = append(all, got...)
		}
		return all
	}
	return nil
}

// attributes are those that proofs need.
func (f *Filter) attributes() []string {
	var names []string
	for _, p := range f.proofs {
		names = append(names, p.attribute)
	}
	return names
}

// verdict on an entry that the server found.
type verdict int

const (
	mine    verdict = iota // it has the key, letter by letter but for case
	another                // it shows other texts only
	untold                 // it shows none
)

// judge holds an entry against the key. Servers take more for the same than they
// should (RFC 4518 s2): "ann@x " for "ann@x", and "a  b" for "a b".
func (f *Filter) judge(e *ldap.Entry, key string) verdict {
	v := untold
	for _, p := range f.proofs {
		want := strings.ToLower(strings.ReplaceAll(p.text, f.mark, key))
		for _, a := range e.Attributes {
			if base, _, _ := strings.Cut(a.Name, ";"); !strings.EqualFold(base, p.attribute) {
				continue
			}
			for _, value := range a.Values {
				v = another
				if strings.ToLower(value) == want {
					return mine
				}
			}
		}
	}
	return v
}

// plain tells a key that servers take for no other but for case: ASCII without
// spaces at an end or next to each other.
func plain(key string) bool {
	for _, c := range []byte(key) {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return strings.TrimSpace(key) == key && !strings.Contains(key, "  ")
}
