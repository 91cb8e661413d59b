package queue

import (
	"time"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

// Pause says that nothing is attempted in some lanes. Their mail is accepted and
// grows older: it is warned of and gives up as it would with a host that is away.
type Pause struct {
	Tenant    string    `json:"tenant,omitempty"` // "": every tenant's
	Transport string    `json:"transport"`
	Nexthop   string    `json:"nexthop,omitempty"` // "": every one
	Since     time.Time `json:"since"`
	By        string    `json:"by"`
	Reason    string    `json:"reason,omitempty"`
}

// Covers tells whether a lane is paused.
func (p *Pause) Covers(l spool.Lane) bool {
	return p.Transport == l.Transport && (p.Tenant == "" || p.Tenant == l.Tenant) && (p.Nexthop == "" || p.Nexthop == l.Nexthop)
}

// IsOf tells whether two pauses are of the same lanes.
func (p *Pause) IsOf(o *Pause) bool {
	return p.Transport == o.Transport && p.Tenant == o.Tenant && p.Nexthop == o.Nexthop
}

// pausedReply is what a recipient has heard last whose lane is paused (RFC 3463
// X.3.2).
func pausedReply() mail.Reply {
	return mail.Reply{Code: 451, Enhanced: "4.3.2", Text: "delivery by this way is paused"}
}
