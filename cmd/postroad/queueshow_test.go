package main

import (
	"strings"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/server/control"
)

func TestShow(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	base := control.Shown{
		Job: control.Job{
			ID: "01m8", Sender: "s@far.test", Transport: "internet", Nexthop: "far.test", Rule: "route.default (postroad.hcl:8)", Tenant: "acme",
			Size: 1200, Arrived: at.Add(-5 * time.Hour), Attempts: 3, LastTry: at.Add(-time.Hour), Due: at.Add(time.Hour),
			Client: "192.0.2.1", Helo: "pc", Listener: "public", Login: "ann", Generation: "abc",
		},
		State: control.RowWaits, Expires: at.Add(72 * time.Hour),
	}
	const head = `01m8  from s@far.test, 1200 octets, arrived 2026-03-01T07:00:00Z
  client 192.0.2.1 (pc), listener public, login "ann", generation abc
  via transport.internet far.test by route.default (postroad.hcl:8), tenant acme
`
	const tried = "  tried 3 times, last 2026-03-01T11:00:00Z; expires 2026-03-04T12:00:00Z\n"
	dead := control.Lane{Dead: true, Until: at.Add(time.Minute), Reply: "451 4.4.1 connection refused", Remote: "mx.far.test[192.0.2.9]:25"}
	const away = "nobody is reached there; one attempt is made 2026-03-01T12:01:00Z: mx.far.test[192.0.2.9]:25: 451 4.4.1 connection refused\n"
	cases := map[string]struct {
		change func(s *control.Shown)
		want   string
	}{
		"waits": {func(*control.Shown) {}, "  next attempt 2026-03-01T13:00:00Z\n" + tried},
		"new": {func(s *control.Shown) { s.Attempts, s.Due, s.Lane.Active = 0, at, 5 },
			"  due; 5 attempts under way to its next hop\n  never tried; expires 2026-03-04T12:00:00Z\n"},
		"last": {func(s *control.Shown) { s.Attempts, s.Expires = 1, at.Add(-time.Minute) },
			"  next attempt 2026-03-01T13:00:00Z\n  tried once, 2026-03-01T11:00:00Z; the next attempt is the last: expired 2026-03-01T11:59:00Z\n"},
		"delivering": {func(s *control.Shown) { s.State, s.DeliveringSince, s.Held = control.StateDelivering, at, true },
			"  being delivered since 2026-03-01T12:00:00Z; on hold when that fails\n" + tried},
		"held": {func(s *control.Shown) { s.State = control.RowHeld },
			"  on hold until it is released; it neither expires nor is warned of before\n" + tried},
		"paused": {func(s *control.Shown) {
			s.State, s.Pause = control.RowPaused, &queue.Pause{Transport: "internet", Since: at, By: "root", Reason: "moving"}
		}, "  paused since 2026-03-01T12:00:00Z by root: moving; until transport.internet is resumed\n" + tried},
		"asleep": {func(s *control.Shown) { s.State, s.Lane = control.RowAsleep, dead },
			"  asleep until its host is reached\n" + tried + "  " + away},
		"woken": {func(s *control.Shown) { s.State = control.RowAsleep }, "  asleep; its host is reached again, and its turn comes\n" + tried},
		"due in a dead lane": {func(s *control.Shown) { s.Lane, s.Due, s.Lane.Until, s.Lane.Reply = dead, at, at, "" },
			"  due; it waits until its host is reached\n" + tried + "  nobody is reached there; one attempt is made now\n"},
		"recipients": {func(s *control.Shown) {
			s.Recipients = []control.Recipient{
				{Recipient: "a@far.test", Original: "x@ours.test", State: "waiting", Reply: "451 4.2.0 later", Remote: "mx", WarnAt: at.Add(time.Hour)},
				{Recipient: "b@far.test", Original: "b@far.test", State: "waiting", Warned: true, NotBy: "old"},
				{Recipient: "c@far.test", Original: "c@far.test", State: "delivered", Reply: "250 2.0.0 taken", Remote: "mx"},
				{Recipient: "d@far.test", Original: "d@far.test", State: "waiting", Reply: "451 4.3.2 paused", WarnAt: at.Add(-time.Hour)},
			}
		}, "  next attempt 2026-03-01T13:00:00Z\n" + tried +
			`  a@far.test  waiting  (was x@ours.test)  mx: 451 4.2.0 later  (the sender is told of the delay from 2026-03-01T13:00:00Z on)
  b@far.test  waiting  (unknown by transport.old)  (the sender was told of the delay)
  c@far.test  delivered  mx: 250 2.0.0 taken
  d@far.test  waiting  451 4.3.2 paused  (the sender is told of the delay with the next attempt)
`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := base
			tc.change(&s)
			var b strings.Builder
			if err := show(&b, &s, at); err != nil || b.String() != head+tc.want {
				t.Errorf("%s\nwant\n%s%s", b.String(), head, tc.want)
			}
		})
	}
}
