package ldap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/postroad/postroad/internal/table"
	"github.com/postroad/postroad/internal/table/remote"
)

// Options of a table.
type Options struct {
	Server      Server
	Base        string
	Filter      string   // {key} is the key
	Attributes  []string // their values are those of the table
	Connections int
}

const (
	keyMark   = "{key}"
	maxValues = 100_000
	// atOnce is how many questions one connection has open.
	atOnce = 16
	// idleTime is how long a connection is kept for the next question: one that a
	// firewall forgot would cost that question its time.
	idleTime = time.Minute
)

var (
	errUntold = errors.New("the entry does not show whether it is that of the key")
	errParts  = errors.New("the server gives the values of the attribute in parts")
	errName   = errors.New("the server gives an attribute another name than the table:")
)

// New makes the Asker. It connects when it is first asked.
func New(o Options) (remote.Batcher, error) {
	f, err := ParseFilter(o.Filter, keyMark)
	if err != nil {
		return nil, err
	}
	a := &asker{opts: o, filter: f, idle: make(chan *Conn, o.Connections)}
	a.attributes = append(slices.Clone(o.Attributes), f.attributes()...)
	if len(a.attributes) == 0 {
		a.attributes = []string{"1.1"} // RFC 4511 s4.5.1.8: none
	}
	return a, nil
}

// asker is the Asker of one search.
type asker struct {
	opts       Options
	filter     *Filter
	attributes []string
	idle       chan *Conn
}

// Lookup asks for one key.
func (a *asker) Lookup(ctx context.Context, key string) table.Answer {
	return a.LookupAll(ctx, []string{key})[0]
}

// LookupAll asks for the keys over one connection. A kept one may have been closed
// by the server meanwhile: then all are asked once more, over a new one.
func (a *asker) LookupAll(ctx context.Context, keys []string) []table.Answer {
	if c := a.kept(); c != nil {
		if answers, broken := a.exchange(ctx, c, keys); !broken || ctx.Err() != nil {
			return answers
		}
	}
	c, err := a.opts.Server.Connect(ctx)
	if err != nil {
		answers := make([]table.Answer, len(keys))
		for i := range answers {
			answers[i].Cause = err
		}
		return answers
	}
	answers, _ := a.exchange(ctx, c, keys)
	return answers
}

// kept gives a connection from before, or nil.
func (a *asker) kept() *Conn {
	for {
		select {
		case c := <-a.idle:
			if !c.IsClosing() && time.Since(c.idle) < idleTime {
				return c
			}
			c.Close()
		default:
			return nil
		}
	}
}

// exchange asks for the keys, and keeps the connection or closes a broken one.
func (a *asker) exchange(ctx context.Context, c *Conn, keys []string) (answers []table.Answer, broken bool) {
	answers = make([]table.Answer, len(keys))
	err := c.Within(ctx, func() error {
		var tasks sync.WaitGroup
		turns := make(chan struct{}, atOnce)
		for i, key := range keys {
			turns <- struct{}{}
			tasks.Go(func() {
				answers[i] = a.ask(c, key)
				<-turns
			})
		}
		tasks.Wait()
		return nil
	})
	if err != nil || c.IsClosing() {
		c.Close()
		return a.blame(answers, err), true
	}
	c.idle = time.Now()
	select {
	case a.idle <- c:
	default:
		c.Close()
	}
	return answers, false
}

// blame gives the answers that were not there when the connection broke their
// cause.
func (a *asker) blame(answers []table.Answer, err error) []table.Answer {
	for i := range answers {
		switch {
		case answers[i].Status != table.TryLater:
		case errors.Is(err, errTooMuch):
			answers[i].Cause = fmt.Errorf("%w: %w", remote.ErrKey, errTooMuch)
		case err != nil:
			answers[i].Cause = errors.Join(answers[i].Cause, err)
		}
	}
	return answers
}

// ask asks for one key. A server that says that there are more entries than it gives
// at once is asked for pages of so many: some refuse larger ones.
func (a *asker) ask(c *Conn, key string) table.Answer {
	if key == "" { // with {key}* it would find everybody
		return table.Answer{Status: table.NotFound}
	}
	request := ldap.NewSearchRequest(a.opts.Base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false,
		a.filter.With(key), a.attributes, nil)
	result, err := c.Search(request)
	if ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded) && len(result.Entries) > 0 {
		return a.pages(c, request, key, len(result.Entries))
	}
	if err != nil {
		return refusal(err)
	}
	got := &harvest{asker: a, key: key}
	return got.answer(got.take(result.Entries))
}

// pages reads an answer by pages of this size (RFC 2696 s3).
func (a *asker) pages(c *Conn, request *ldap.SearchRequest, key string, size int) table.Answer {
	got := &harvest{asker: a, key: key}
	page := ldap.NewControlPaging(uint32(size))
	request.Controls = []ldap.Control{page}
	for {
		result, err := c.Search(request)
		if err != nil {
			return refusal(err)
		}
		err = got.take(result.Entries)
		next, more := ldap.FindControl(result.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging)
		if err != nil || !more || len(next.Cookie) == 0 {
			return got.answer(err)
		}
		page.SetCookie(next.Cookie)
	}
}

// refusal is the answer of a search without success. An answer that the server
// cut off, and a key that it cannot read, say nothing about other keys.
func refusal(err error) table.Answer {
	ofKey := ldap.IsErrorAnyOf(err, ldap.LDAPResultSizeLimitExceeded, ldap.LDAPResultInvalidAttributeSyntax, ldap.ErrorFilterCompile)
	if err = Plain(err); ofKey {
		err = fmt.Errorf("%w: %w", remote.ErrKey, err)
	}
	return table.Answer{Cause: err}
}

// Close closes the connections that are kept.
func (a *asker) Close() error {
	for {
		select {
		case c := <-a.idle:
			c.Close()
		default:
			return nil
		}
	}
}

// harvest is what the entries of an answer bring.
type harvest struct {
	*asker
	key    string
	found  bool
	values []string
}

func (h *harvest) take(entries []*ldap.Entry) error {
	for _, e := range entries {
		switch h.filter.judge(e, h.key) {
		case another:
			continue
		case untold:
			if !plain(h.key) {
				return errUntold
			}
		}
		h.found = true
		for _, a := range e.Attributes {
			if err := h.attribute(a); err != nil {
				return err
			}
		}
	}
	return nil
}

// attribute takes the values of one that the table wants.
func (h *harvest) attribute(a *ldap.EntryAttribute) error {
	base, option, _ := strings.Cut(a.Name, ";")
	is := func(name string) bool { return strings.EqualFold(name, base) }
	switch {
	case !slices.ContainsFunc(h.attributes, is):
		// By another name of an attribute a server answers too, and with its own.
		return fmt.Errorf("%w %s", errName, a.Name)
	case !slices.ContainsFunc(h.opts.Attributes, is):
		return nil
	case strings.HasPrefix(strings.ToLower(option), "range="):
		// Active Directory gives 1500 values at most, as "member;range=0-1499".
		return errParts
	}
	if h.values = append(h.values, a.Values...); len(h.values) > maxValues {
		return errTooMuch
	}
	return nil
}

// answer is that of all entries, or tells why there is none for this key.
func (h *harvest) answer(err error) table.Answer {
	if err != nil {
		return table.Answer{Cause: fmt.Errorf("%w: %w", remote.ErrKey, err)}
	}
	if !h.found {
		return table.Answer{Status: table.NotFound}
	}
	slices.Sort(h.values)
	values := slices.DeleteFunc(slices.Compact(h.values), func(v string) bool { return v == "" })
	return table.Answer{Status: table.Found, Values: values}
}
