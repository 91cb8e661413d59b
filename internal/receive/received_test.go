package receive

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/spool"
)

func TestReceived(t *testing.T) {
	when := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	v4, v6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	id := spool.ID{15: 1}
	for _, c := range []struct {
		name string
		hop  Hop
		mark stamp
		want string
	}{
		{"SMTP", Hop{By: "mx.example", Helo: "a.example", Client: v4}, stamp{},
			"Received: from a.example ([192.0.2.1])|\tby mx.example with SMTP id ID;|\tDATE"},
		{"ESMTP to one", Hop{By: "mx.example", Helo: "a.example", Client: v6, Extended: true}, stamp{to: "b@c.example"},
			"Received: from a.example ([IPv6:2001:db8::1])|\tby mx.example with ESMTP id ID|\tfor <b@c.example>;|\tDATE"},
		{"TLS", Hop{By: "mx.example", Helo: "[192.0.2.1]", Client: v4, Extended: true, TLS: "TLS1.3 X"}, stamp{},
			"Received: from [192.0.2.1] ([192.0.2.1])|\tby mx.example with ESMTPS (TLS1.3 X) id ID;|\tDATE"},
		{"login", Hop{By: "mx.example", Helo: "a", Client: v4, Extended: true, Login: true, TLS: "TLS1.3 X"}, stamp{},
			"Received: from a ([192.0.2.1])|\tby mx.example with ESMTPSA (TLS1.3 X) id ID;|\tDATE"},
		{"login without TLS", Hop{By: "mx.example", Helo: "a", Client: v4, Extended: true, Login: true}, stamp{},
			"Received: from a ([192.0.2.1])|\tby mx.example with ESMTPA id ID;|\tDATE"},
		{"internationalised", Hop{By: "mx.example", Helo: "a", Client: v4, Extended: true, TLS: "TLS1.3 X"}, stamp{utf8: true},
			"Received: from a ([192.0.2.1])|\tby mx.example with UTF8SMTPS (TLS1.3 X) id ID;|\tDATE"},
		{"hostile name", Hop{By: "mx.example", Helo: "a)(;\"b<c>", Client: v4}, stamp{},
			"Received: from a????b?c? ([192.0.2.1])|\tby mx.example with SMTP id ID;|\tDATE"},
		{"no address", Hop{By: "mx.example", Helo: "a"}, stamp{},
			"Received: from a (unknown)|\tby mx.example with SMTP id ID;|\tDATE"},
	} {
		c.mark.when, c.mark.id = when, id
		want := strings.NewReplacer("|", "\r\n", "ID", id.String(), "DATE", "Tue, 3 Feb 2026 04:05:06 +0000\r\n").Replace(c.want)
		if got := string(c.hop.append(nil, c.mark)); got != want {
			t.Errorf("%s:\n%q, want\n%q", c.name, got, want)
		}
	}
}
