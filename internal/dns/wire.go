package dns

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// wire is the Exchanger on the network: a socket, and so a source port, for each
// query (RFC 5452 s9.2).
type wire struct{}

// Exchange implements Exchanger.
func (wire) Exchange(ctx context.Context, network, server string, q *dns.Msg) (*dns.Msg, error) {
	var d net.Dialer
	nc, err := d.DialContext(ctx, network, server)
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	stop := context.AfterFunc(ctx, func() { _ = nc.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	conn := &dns.Conn{Conn: nc, UDPSize: udpSize}
	if err := conn.WriteMsg(q); err != nil {
		return nil, err
	}
	return awaitReply(conn, q)
}

// awaitReply drops what answers another query or another question (RFC 5452
// s9.1) and goes on waiting: it may be forged, or late.
func awaitReply(conn *dns.Conn, q *dns.Msg) (*dns.Msg, error) {
	for {
		raw, err := conn.ReadMsgHeader(nil)
		if errors.Is(err, dns.ErrShortRead) {
			continue
		}
		if err != nil {
			return nil, err
		}
		m := new(dns.Msg)
		if err := m.Unpack(raw); err != nil && !m.Truncated {
			continue
		}
		if isReply(q, m) {
			return m, nil
		}
	}
}

func isReply(q, m *dns.Msg) bool {
	if !m.Response || m.Id != q.Id {
		return false
	}
	if len(m.Question) != 1 { // RFC 6891 s7: who cannot read a query may send its header back
		return len(m.Question) == 0 && m.Rcode == dns.RcodeFormatError
	}
	got, want := m.Question[0], q.Question[0]
	return got.Qtype == want.Qtype && got.Qclass == want.Qclass && strings.EqualFold(got.Name, want.Name)
}
