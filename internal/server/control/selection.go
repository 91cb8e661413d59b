package control

import (
	"errors"
	"fmt"
	"time"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

// ErrSelection is wrapped by what is wrong with a selection.
var ErrSelection = errors.New("selection")

// Selection names jobs of the queue, as the command line does. An action on
// everything must say All.
type Selection struct {
	IDs       []string      `json:"ids,omitempty"`
	Domain    string        `json:"domain,omitempty"`
	Transport string        `json:"transport,omitempty"`
	Nexthop   string        `json:"nexthop,omitempty"`
	Sender    string        `json:"sender,omitempty"`
	Tenant    string        `json:"tenant,omitempty"`
	Older     time.Duration `json:"older,omitempty"`
	Held      bool          `json:"held,omitempty"`
	All       bool          `json:"all,omitempty"`
}

// Bounded tells whether the selection names anything at all.
func (s Selection) Bounded() bool {
	return len(s.IDs) > 0 || s.Domain != "" || s.Transport != "" || s.Nexthop != "" || s.Sender != "" || s.Tenant != "" || s.Older > 0 || s.Held
}

// Filter is the selection as the spool knows it. Errors wrap ErrSelection, as that
// of a selection that names nothing.
func (s Selection) Filter() (spool.Filter, error) {
	if !s.All && !s.Bounded() {
		return spool.Filter{}, ErrSelection
	}
	return s.filter(time.Now())
}

func (s Selection) filter(now time.Time) (spool.Filter, error) {
	f := spool.Filter{Transport: s.Transport, Nexthop: s.Nexthop, Tenant: s.Tenant, HeldOnly: s.Held}
	for _, text := range s.IDs {
		id, err := spool.ParseID(text)
		if err != nil {
			return f, fmt.Errorf("%w: %q is no message id", ErrSelection, text)
		}
		f.IDs = append(f.IDs, id)
	}
	if s.Domain != "" {
		d, err := mail.ParseDomain(s.Domain)
		if err != nil {
			return f, fmt.Errorf("%w: %q is no domain", ErrSelection, s.Domain)
		}
		f.Domain = d
	}
	if s.Sender != "" {
		p, err := mail.ParsePath(s.Sender)
		if err != nil {
			return f, fmt.Errorf("%w: %q is no address", ErrSelection, s.Sender)
		}
		f.Sender = p.String()
	}
	if s.Older > 0 {
		f.OlderThan = now.Add(-s.Older)
	}
	return f, nil
}
