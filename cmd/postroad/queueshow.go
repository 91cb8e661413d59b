package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/postroad/postroad/internal/server/control"
)

type queueShow struct {
	configured
	IDs  []string `arg:"" name:"id" help:"Messages."`
	JSON bool     `name:"json" help:"One JSON object a line."`
}

// Run shows; an id that is not in the queue is told and makes the answer no.
func (q queueShow) Run(w *world) error {
	client, err := q.client(w)
	if err != nil {
		return err
	}
	found := make(map[string]bool)
	lines := json.NewEncoder(w.stdout)
	lines.SetEscapeHTML(false)
	err = client.Show(w.ctx, control.Selection{IDs: q.IDs}, func(s control.Shown) error {
		found[s.ID] = true
		if q.JSON {
			return lines.Encode(s)
		}
		return show(w.stdout, &s, time.Now())
	})
	if err != nil {
		return err
	}
	for _, id := range q.IDs {
		if !found[strings.ToLower(id)] {
			return fmt.Errorf("%s is not in the queue", id)
		}
	}
	return nil
}

// show prints a job for people.
func show(out io.Writer, s *control.Shown, now time.Time) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  from %s, %d octets, arrived %s\n", s.ID, s.Sender, s.Size, clock(s.Arrived))
	fmt.Fprintf(&b, "  client %s (%s), listener %s, login %q, generation %s\n", s.Client, s.Helo, s.Listener, s.Login, s.Generation)
	fmt.Fprintf(&b, "  via %s by %s", way(s.Transport, s.Nexthop), s.Rule)
	if s.Tenant != "" {
		fmt.Fprintf(&b, ", tenant %s", s.Tenant)
	}
	if s.Copy != "" {
		fmt.Fprintf(&b, ", a copy by %s", s.Copy)
	}
	fmt.Fprintf(&b, "\n  %s\n  %s\n", outlook(s, now), history(s, now))
	if s.Lane.Dead {
		fmt.Fprintf(&b, "  %s\n", deadLane(&s.Lane, now))
	}
	for i := range s.Recipients {
		showRecipient(&b, &s.Recipients[i], now)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// outlook is what becomes of a job next.
func outlook(s *control.Shown, now time.Time) string {
	switch s.State {
	case control.StateDelivering:
		text := "being delivered since " + clock(s.DeliveringSince)
		if s.Held {
			text += "; on hold when that fails"
		}
		return text
	case control.RowHeld:
		return "on hold until it is released; it neither expires nor is warned of before"
	case control.RowPaused:
		p := s.Pause
		return fmt.Sprintf("paused since %s by %s: %s; until %s is resumed", clock(p.Since), p.By, orDash(p.Reason), way(p.Transport, p.Nexthop))
	case control.RowAsleep:
		if s.Lane.Dead {
			return "asleep until its host is reached"
		}
		return "asleep; its host is reached again, and its turn comes"
	}
	switch {
	case s.Due.After(now):
		return "next attempt " + clock(s.Due)
	case s.Lane.Dead:
		return "due; it waits until its host is reached"
	}
	return fmt.Sprintf("due; %s under way to its next hop", number(int64(s.Lane.Active), "attempt"))
}

// history is what was tried, and for how long that goes on.
func history(s *control.Shown, now time.Time) string {
	text := "never tried"
	if s.Attempts > 0 {
		text = fmt.Sprintf("tried %d times, last %s", s.Attempts, clock(s.LastTry))
	}
	if s.Attempts == 1 {
		text = "tried once, " + clock(s.LastTry)
	}
	if s.Expires.After(now) {
		return text + "; expires " + clock(s.Expires)
	}
	return text + "; the next attempt is the last: expired " + clock(s.Expires)
}

// deadLane is why nothing is tried.
func deadLane(l *control.Lane, now time.Time) string {
	text := "nobody is reached there; one attempt is made now"
	if l.Until.After(now) {
		text = "nobody is reached there; one attempt is made " + clock(l.Until)
	}
	if l.Reply == "" {
		return text
	}
	return text + ": " + heard(l.Remote, l.Reply)
}

func showRecipient(b *strings.Builder, r *control.Recipient, now time.Time) {
	fmt.Fprintf(b, "  %s  %s", r.Recipient, r.State)
	if r.Original != r.Recipient {
		fmt.Fprintf(b, "  (was %s)", r.Original)
	}
	if r.Reply != "" {
		fmt.Fprintf(b, "  %s", heard(r.Remote, r.Reply))
	}
	if r.NotBy != "" {
		fmt.Fprintf(b, "  (unknown by transport.%s)", r.NotBy)
	}
	switch {
	case r.Warned:
		b.WriteString("  (the sender was told of the delay)")
	case r.WarnAt.After(now):
		fmt.Fprintf(b, "  (the sender is told of the delay from %s on)", clock(r.WarnAt))
	case !r.WarnAt.IsZero():
		b.WriteString("  (the sender is told of the delay with the next attempt)")
	}
	b.WriteByte('\n')
}

// heard is a reply, with who said it where that was not we.
func heard(remote, reply string) string {
	if remote == "" {
		return reply
	}
	return remote + ": " + reply
}

func clock(t time.Time) string { return t.Format(time.RFC3339) }
