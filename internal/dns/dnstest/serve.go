package dnstest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// handler answers on a socket.
func (s *Server) handler(network string) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		m, f := s.reply(s.closed, network, q)
		switch {
		case m == nil:
		case f.Garbage:
			_, _ = w.Write([]byte("\x00\x01garbage, no message of the DNS"))
		default:
			if network == "udp" {
				m.Truncate(sizeOf(q))
			}
			_ = w.WriteMsg(m)
		}
	}
}

func sizeOf(q *dns.Msg) int {
	if o := q.IsEdns0(); o != nil {
		return int(o.UDPSize())
	}
	return dns.MinMsgSize
}

// reply logs the question and answers it with its fault; nil is silence. A delay
// ends when done does.
func (s *Server) reply(done <-chan struct{}, network string, q *dns.Msg) (*dns.Msg, Fault) {
	if len(q.Question) != 1 {
		m := new(dns.Msg)
		return m.SetRcode(q, dns.RcodeFormatError), Fault{}
	}
	f := s.record(network, q.Question[0])
	if f.Delay > 0 {
		t := time.NewTimer(f.Delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-done:
			return nil, f
		}
	}
	if f.Drop {
		return nil, f
	}
	m := s.answer(q)
	f.spoil(m)
	return m, f
}

func (s *Server) record(network string, q dns.Question) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queries = append(s.queries, Query{
		Name:    strings.TrimSuffix(strings.ToLower(q.Name), "."),
		Type:    dns.TypeToString[q.Qtype],
		Network: network,
		Time:    time.Now(),
	})
	return s.faultOf(q, network)
}

// Exchange answers without a socket, for dns.Options.Exchange. Silence, and
// replies that a resolver must not take, last until ctx ends.
func (s *Server) Exchange(ctx context.Context, network, server string, q *dns.Msg) (*dns.Msg, error) {
	m, f := s.reply(ctx.Done(), network, q)
	if m == nil || f.WrongID || f.WrongQuestion || f.Garbage {
		<-ctx.Done()
		return nil, fmt.Errorf("dnstest: %s: %w", server, ctx.Err())
	}
	if network == "udp" {
		m.Truncate(sizeOf(q))
	}
	// Through the wire format, so that nothing is shared with the zone.
	raw, err := m.Pack()
	if err != nil {
		return nil, err
	}
	out := new(dns.Msg)
	return out, out.Unpack(raw)
}
