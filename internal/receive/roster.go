package receive

import (
	"context"
	"fmt"
	"strings"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/table"
)

// roster is who the members of a list are.
type roster struct {
	gen  Generation
	list *decide.List
}

// each goes over the members, from memory or from the answer of a table.
func (m roster) each(ctx context.Context, do func(mail.Address) error) error {
	for _, a := range m.list.Members {
		if err := do(a); err != nil {
			return err
		}
	}
	if m.list.Table == decide.NoTable {
		return nil
	}
	v := m.gen.View[m.list.Table]
	if m.list.Listed {
		return m.keys(v, do)
	}
	var a table.Answer
	switch {
	case v.Content != nil:
		a = v.Content.Lookup(m.list.Address.Key())
	case v.Remote != nil:
		a = v.Remote.Lookup(ctx, m.list.Address.Key())
	}
	if a.Status == table.TryLater {
		return listError(fmt.Errorf("%w: table %s: %w", errMembers, v.Name, orCause(a.Cause, v.Cause)))
	}
	for _, value := range a.Values {
		for text := range strings.FieldsFuncSeq(value, func(c rune) bool { return c == ',' || c == ' ' || c == '\t' }) {
			if err := m.member(text, do); err != nil {
				return err
			}
		}
	}
	return nil
}

// keys takes each key of a table in memory for a member.
func (m roster) keys(v table.Version, do func(mail.Address) error) error {
	l, ok := v.Content.(interface {
		Each(f func(key string, a table.Answer) bool)
	})
	if !ok {
		return listError(fmt.Errorf("%w: table %s: %w", errMembers, v.Name, orCause(v.Cause, errNoTable)))
	}
	var err error
	l.Each(func(key string, _ table.Answer) bool {
		err = m.member(key, do)
		return err == nil
	})
	return err
}

// member reads one; a bare local part lies in the list's own domain.
func (m roster) member(text string, do func(mail.Address) error) error {
	if !strings.Contains(text, "@") {
		text += "@" + string(m.list.Address.Domain)
	}
	a, err := mail.ParseAddress(text)
	if err != nil {
		return listError(fmt.Errorf("%w: %s: %q is no address", errMembers, m.list.Name, text))
	}
	return do(a)
}

func orCause(a, b error) error {
	if a != nil {
		return a
	}
	if b != nil {
		return b
	}
	return errNoTable
}
