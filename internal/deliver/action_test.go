package deliver

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
)

// The table of SEMANTICS 2 and 23: what one to three hosts say, and what
// becomes of recipients a and b. tried is the connections to each host.
func TestReplyLeadsToAction(t *testing.T) {
	ok := func() *host { return &host{} }
	with := func(f func(h *host)) *host {
		h := &host{}
		f(h)
		return h
	}
	greet := func(s string) *host { return &host{greeting: s} }
	rcpt := func(a, b string) *host { return &host{rcpt: map[string]string{"a": a, "b": b}} }
	refused := func() *host { return &host{refuse: true} }
	const (
		taken1 = "250 2.0.0 taken @mx1"
		taken2 = "250 2.0.0 taken @mx2"
	)
	both := func(s string) string { return "a " + s + " | b " + s }
	for _, c := range []struct {
		name        string
		hosts       []*host
		want        string
		tried       string
		last        bool
		unreachable bool
	}{
		{name: "delivered", hosts: []*host{ok(), ok()}, want: both("delivered " + taken1), tried: "1 0"},

		{name: "refused connection: next", hosts: []*host{refused(), ok()}, want: both("delivered " + taken2), tried: "1 1"},
		{name: "refused by all: all wait", hosts: []*host{refused(), refused()}, want: both("waits 451 4.4.1 connection refused"), tried: "1 1", unreachable: true},
		{name: "no route: all wait", hosts: []*host{nil}, want: both("waits 451 4.4.1 network unreachable"), tried: "0", unreachable: true},
		{name: "connect times out", hosts: []*host{{delay: 0, greeting: "hang"}, ok()}, want: both("delivered " + taken2), tried: "1 1"},
		{name: "connect slower than its time-out", hosts: []*host{with(func(h *host) { h.delay = 1e12 })}, want: both("waits 451 4.4.1 connection timed out"), tried: "0", unreachable: true},

		{name: "greeting 4xx: next", hosts: []*host{greet("450 4.3.2 busy"), ok()}, want: both("delivered " + taken2), tried: "1 1"},
		{name: "greeting 4xx by all", hosts: []*host{greet("450 4.3.2 busy")}, want: both("waits 450 4.3.2 busy @mx1"), tried: "1", unreachable: true},
		{name: "greeting 421", hosts: []*host{greet("421 4.3.2 busy"), ok()}, want: both("delivered " + taken2), tried: "1 1"},
		{name: "greeting 554: next", hosts: []*host{greet("554 5.7.1 you"), ok()}, want: both("delivered " + taken2), tried: "1 1"},
		{name: "greeting 554 by all: waits", hosts: []*host{greet("554 5.7.1 you")}, want: both("waits 554 5.7.1 you @mx1"), tried: "1", unreachable: true},
		{name: "greeting 554 until the end: fails", hosts: []*host{greet("554 5.7.1 you")}, want: both("failed 554 5.7.1 you @mx1"), tried: "1", last: true, unreachable: true},
		{name: "greeting 521 by all: fails at once", hosts: []*host{greet("521 5.3.2 none"), greet("521 5.3.2 none")}, want: both("failed 521 5.3.2 none @mx2"), tried: "1 1", unreachable: true},
		{name: "greeting 521 by one: waits", hosts: []*host{refused(), greet("521 5.3.2 none")}, want: both("waits 521 5.3.2 none @mx2"), tried: "1 1", unreachable: true},
		{name: "greeting dropped", hosts: []*host{greet("drop"), ok()}, want: both("delivered " + taken2), tried: "1 1"},
		{name: "greeting dropped by all", hosts: []*host{greet("drop")}, want: both("waits 451 4.4.2 lost connection at greeting"), tried: "1", unreachable: true},
		{name: "greeting is garbage", hosts: []*host{greet("SSH-2.0"), ok()}, want: both("delivered " + taken2), tried: "1 1"},
		{name: "greeting is garbage by all", hosts: []*host{greet("SSH-2.0")}, want: both("waits 451 4.5.0 protocol error at greeting"), tried: "1", unreachable: true},

		{name: "EHLO 4xx: next", hosts: []*host{{ehlo: "451 4.3.0 no"}, ok()}, want: both("delivered " + taken2), tried: "1 1"},
		{name: "EHLO dropped", hosts: []*host{{ehlo: "drop"}}, want: both("waits 451 4.4.2 lost connection at EHLO"), tried: "1", unreachable: true},
		{name: "EHLO and HELO 5xx: waits", hosts: []*host{{ehlo: "550 5.7.1 no"}}, want: both("waits 500 what @mx1"), tried: "1", unreachable: true},
		{name: "EHLO and HELO 5xx until the end", hosts: []*host{{ehlo: "550 5.7.1 no"}}, want: both("failed 500 what @mx1"), tried: "1", last: true, unreachable: true},

		{name: "MAIL 4xx: next", hosts: []*host{{mail: "451 4.3.0 later"}, ok()}, want: both("delivered " + taken2), tried: "1 1"},
		{name: "MAIL 4xx by all: waits", hosts: []*host{{mail: "451 4.3.0 later"}}, want: both("waits 451 4.3.0 later @mx1"), tried: "1"},
		{name: "MAIL 4xx until the end still waits: expiry is the queue's", hosts: []*host{{mail: "451 4.3.0 later"}}, want: both("waits 451 4.3.0 later @mx1"), tried: "1", last: true},
		{name: "MAIL 5xx: all fail, no next", hosts: []*host{{mail: "550 5.7.1 no"}, ok()}, want: both("failed 550 5.7.1 no @mx1"), tried: "1 0"},
		{name: "MAIL 421: next", hosts: []*host{{mail: "421 4.3.2 bye"}, ok()}, want: both("delivered " + taken2), tried: "1 1"},
		{name: "MAIL 421 by all: waits", hosts: []*host{{mail: "421 4.3.2 bye"}}, want: both("waits 421 4.3.2 bye @mx1"), tried: "1"},
		{name: "MAIL dropped: next", hosts: []*host{{mail: "drop"}, ok()}, want: both("delivered " + taken2), tried: "1 1"},
		{name: "MAIL is garbage", hosts: []*host{{mail: "25x"}}, want: both("waits 451 4.5.0 protocol error at MAIL"), tried: "1"},
		{name: "MAIL never answered", hosts: []*host{{mail: "hang"}, ok()}, want: both("delivered " + taken2), tried: "1 1"},

		{name: "RCPT 4xx: that one goes to the next", hosts: []*host{rcpt("", "450 4.2.1 grey"), ok()}, want: "a delivered " + taken1 + " | b delivered " + taken2, tried: "1 1"},
		{name: "RCPT 4xx by all: that one waits", hosts: []*host{rcpt("", "450 4.2.1 grey"), rcpt("", "451 4.7.1 grey")}, want: "a delivered " + taken1 + " | b waits 451 4.7.1 grey @mx2", tried: "1 1"},
		{name: "RCPT 5xx: that one fails, no next", hosts: []*host{rcpt("", "550 5.1.1 no"), ok()}, want: "a delivered " + taken1 + " | b failed 550 5.1.1 no @mx1", tried: "1 0"},
		{name: "RCPT 4xx and 5xx", hosts: []*host{rcpt("450 4.2.1 grey", "550 5.1.1 no"), ok()}, want: "a delivered " + taken2 + " | b failed 550 5.1.1 no @mx1", tried: "1 1"},
		{name: "RCPT 421 keeps what was refused", hosts: []*host{rcpt("550 5.1.1 no", "421 4.3.2 bye"), ok()}, want: "a failed 550 5.1.1 no @mx1 | b delivered " + taken2, tried: "1 1"},
		{name: "RCPT dropped after a yes", hosts: []*host{rcpt("", "drop"), ok()}, want: both("delivered " + taken2), tried: "1 1"},
		{name: "RCPT 552 counts as 452", hosts: []*host{rcpt("552 5.2.2 full", "552 5.2.2 full"), refused()}, want: both("waits 451 4.4.1 connection refused"), tried: "1 1"},
		{name: "RCPT 552 at the last host", hosts: []*host{rcpt("552 5.2.2 full", "552 full")}, want: "a waits 452 4.2.2 full @mx1 | b waits 452 full @mx1", tried: "1"},
		{name: "RCPT 452 after a yes: split, same host", hosts: []*host{{rcpt: map[string]string{"b": "452 4.2.2 full"}}}, want: "a delivered " + taken1 + " | b waits 452 4.2.2 full @mx1", tried: "1"},

		{name: "DATA 4xx: next", hosts: []*host{{data: "451 4.3.0 later"}, ok()}, want: both("delivered " + taken2), tried: "1 1"},
		{name: "DATA 5xx: all fail, no next", hosts: []*host{{data: "554 5.7.1 no"}, ok()}, want: both("failed 554 5.7.1 no @mx1"), tried: "1 0"},
		{name: "DATA 5xx spares who was deferred", hosts: []*host{{data: "554 5.7.1 no", rcpt: map[string]string{"b": "450 4.2.1 grey"}}, ok()}, want: "a failed 554 5.7.1 no @mx1 | b delivered " + taken2, tried: "1 1"},
		{name: "DATA 421", hosts: []*host{{data: "421 4.3.2 bye"}, ok()}, want: both("delivered " + taken2), tried: "1 1"},
		{name: "DATA dropped", hosts: []*host{{data: "drop"}, ok()}, want: both("delivered " + taken2), tried: "1 1"},

		{name: "end 4xx: next", hosts: []*host{{end: "451 4.3.0 later"}, ok()}, want: both("delivered " + taken2), tried: "1 1"},
		{name: "end 4xx by all: waits", hosts: []*host{{end: "451 4.3.0 later"}}, want: both("waits 451 4.3.0 later @mx1"), tried: "1"},
		{name: "end 5xx: all fail, no next", hosts: []*host{{end: "554 5.7.1 spam"}, ok()}, want: both("failed 554 5.7.1 spam @mx1"), tried: "1 0"},
		{name: "end 552 is final: only at RCPT it means 452", hosts: []*host{{end: "552 5.3.4 big"}, ok()}, want: both("failed 552 5.3.4 big @mx1"), tried: "1 0"},
		{name: "end 421: an answer, next", hosts: []*host{{end: "421 4.3.2 bye"}, ok()}, want: both("delivered " + taken2), tried: "1 1"},
		{name: "end dropped: waits, no next", hosts: []*host{{end: "drop"}, ok()}, want: both("waits 451 4.4.2 lost connection after end of data @mx1"), tried: "1 0"},
		{name: "end never answered: waits, no next", hosts: []*host{{end: "hang"}, ok()}, want: both("waits 451 4.4.2 lost connection after end of data @mx1"), tried: "1 0"},
		{name: "end dropped, the other was deferred before", hosts: []*host{{end: "drop", rcpt: map[string]string{"b": "450 4.2.1 grey"}}, ok()}, want: "a waits 451 4.4.2 lost connection after end of data @mx1 | b delivered " + taken2, tried: "1 1"},

		{name: "three hosts, each worse than the last", hosts: []*host{refused(), {mail: "451 4.3.0 later"}, rcpt("", "550 5.1.1 no")}, want: "a delivered 250 2.0.0 taken @mx3 | b failed 550 5.1.1 no @mx3", tried: "1 1 1"},
		{name: "the last word stands", hosts: []*host{{mail: "451 4.3.0 one"}, {data: "451 4.3.0 two"}, greet("450 4.3.0 three")}, want: both("waits 450 4.3.0 three @mx3"), tried: "1 1 1"},

		{name: "too big for SIZE: fails as MAIL would", hosts: []*host{{ehlo: "SIZE 10"}, ok()}, want: both("failed 552 5.3.4 message is bigger than the host takes"), tried: "1 0"},
		{name: "SIZE 0 is no bound", hosts: []*host{{ehlo: "SIZE 0"}}, want: both("delivered " + taken1), tried: "1"},
	} {
		for _, ehlo := range []string{"", "PIPELINING"} {
			t.Run(c.name+" "+ehlo, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					var mine []*host
					for i, h := range c.hosts {
						mine = append(mine, again(h, ehlo))
						w.mxHost(i+1, mine[i])
						if h == nil {
							delete(w.hosts, fmt.Sprintf("192.0.2.%d:25", i+1))
						}
					}
					a := job("mx", "a@d.example", "b@d.example")
					a.Last = c.last
					res := w.d.Attempt(context.Background(), a)
					if got := told(a, res); got != c.want {
						t.Errorf("got  %s\nwant %s", got, c.want)
					}
					if res.Unreachable != c.unreachable {
						t.Errorf("unreachable: %v", res.Unreachable)
					}
					var tried []string
					for _, h := range mine {
						tried = append(tried, fmt.Sprint(h.seen().conns))
					}
					if got := strings.Join(tried, " "); got != c.tried {
						t.Errorf("tried %s, want %s", got, c.tried)
					}
				})
			})
		}
	}
}

// again is a fresh host with the same program, which also offers ehlo.
func again(h *host, ehlo string) *host {
	if h == nil {
		return &host{}
	}
	n := &host{refuse: h.refuse, delay: h.delay, greeting: h.greeting, ehlo: h.ehlo, mail: h.mail, rcpt: h.rcpt, data: h.data, end: h.end}
	if refusal := len(n.ehlo) > 0 && (n.ehlo[0] == '4' || n.ehlo[0] == '5'); !refusal && n.ehlo != "drop" {
		n.ehlo = strings.Trim(n.ehlo+"|"+ehlo, "|")
	}
	return n
}
