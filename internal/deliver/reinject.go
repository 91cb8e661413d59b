package deliver

import (
	"context"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/spool"
)

// Reinjector brings the message of an attempt in again, for the recipients that
// wait: for themselves, or for the members of the lists that they are. It gives
// prepared drafts, which the queue writes together with the end of the
// recipients, or an error and no draft. ReplyOf the error says what becomes of all
// recipients then: a 5yz fails them, everything else waits.
type Reinjector interface {
	Reinject(ctx context.Context, a queue.Attempt) ([]spool.Draft, error)
}

// reinject ends the recipients here: what was made of them is mail of its own.
func (r *run) reinject(ctx context.Context) {
	if r.d.o.Reinjector == nil {
		r.restWaits(mail.Reply{Code: 451, Enhanced: "4.3.5", Text: "this server takes no mail in again"})
		return
	}
	drafts, err := r.d.o.Reinjector.Reinject(ctx, r.a)
	if err != nil {
		r.unplanned(ctx, err)
		return
	}
	r.spawn = drafts
	for i := range r.slots {
		r.settle(i, spool.Delivered, mail.Reply{Code: 250, Enhanced: "2.0.0", Text: "taken in again"}, "")
	}
}

// carriesOn tells whether what was asked of this leg (RFC 3461) is asked of
// another now, so that nobody is told here. A list is an end of the road: its
// members are told to its owner (RFC 3461 s5.2.7.3).
func (r *run) carriesOn() bool {
	return r.t != nil && r.t.Kind == decide.KindReinject && r.t.Name != decide.BuiltinList
}
