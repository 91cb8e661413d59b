package explain

import (
	"context"
	"errors"
	"net"
	"strconv"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/deliver"
	"github.com/postroad/postroad/internal/mail"
)

// resolve asks for the hosts as an attempt would, and shows them in the order
// drawn. What leads nowhere is told with the reply that the attempt would end
// in.
func (r *route) resolve(ctx context.Context, out *Delivery, d decide.Delivery) {
	plan, err := r.src.Planner.Plan(ctx, deliver.Query{
		Config: r.src.Generation.Config, Transport: d.Transport, Nexthops: d.Nexthops, Domain: d.Recipient.Domain,
	})
	if err != nil {
		out.Error = failure(err)
		return
	}
	if len(plan.Hosts) == 0 {
		return
	}
	out.Nexthops, out.Order = nil, plan.Order
	for _, h := range plan.Hosts {
		out.Hosts = append(out.Hosts, hostOf(h, plan.TLS))
		out.Nexthops = append(out.Nexthops, placeOf(h))
	}
}

// failure is the reply of an attempt that finds no host.
func failure(err error) *Reply {
	reply := ReplyOf(mail.ReplyOf(err))
	if errors.Is(err, deliver.ErrNoTransport) {
		reply.Text = err.Error()
	}
	return &reply
}

func hostOf(h deliver.Host, tls string) Host {
	out := Host{Host: h.Name, Port: int(h.Port), Addresses: []string{}, TLS: tls}
	if h.Preference != deliver.NoPreference {
		out.Preference = &h.Preference
	}
	for _, a := range h.Addrs {
		out.Addresses = append(out.Addresses, a.String())
	}
	if h.Err != nil {
		out.Error = failure(h.Err)
	}
	return out
}

// placeOf is host:port as the configuration writes it.
func placeOf(h deliver.Host) string {
	if h.Socket != "" {
		return h.String()
	}
	return net.JoinHostPort(h.Name, strconv.Itoa(int(h.Port)))
}
