package demo

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/explain"
	"github.com/postroad/postroad/internal/lab"
	"github.com/postroad/postroad/internal/server/control"
)

const (
	patience = 20 * time.Second
	glance   = 20 * time.Millisecond
)

// leg is one delivery that was told, and what became of it.
type leg struct {
	explain.Delivery
	fate string // "" not known yet
}

// arrivals waits until the fate of each leg is known, and tells it.
func (d *demo) arrivals(ctx context.Context, n int, told explain.Result) error {
	var legs []*leg
	for _, r := range told.Recipients {
		for _, dl := range r.Deliveries {
			legs = append(legs, &leg{Delivery: dl})
		}
	}
	deadline := time.Now().Add(patience)
	for {
		if err := d.look(ctx, n, legs); err != nil {
			return err
		}
		if !slices.ContainsFunc(legs, func(l *leg) bool { return l.fate == "" }) {
			break
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%w: %s", errElsewhere, missing(legs))
		}
		select {
		case <-time.After(glance):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for _, l := range legs {
		d.printf("  %s\n", l.fate)
	}
	d.printf("\n")
	return nil
}

func missing(legs []*leg) string {
	var out []string
	for _, l := range legs {
		if l.fate == "" {
			out = append(out, l.Recipient+" via "+l.Transport+" did not arrive")
		}
	}
	return strings.Join(out, "; ")
}

// look finds out the fates that can be known by now. What arrived and was not
// told is an error.
func (d *demo) look(ctx context.Context, n int, legs []*leg) error {
	for _, l := range legs {
		if l.Kind == decide.KindDiscard {
			l.fate = "dropped  " + l.Recipient
		}
	}
	for _, m := range d.world.lab.Capture.Messages() {
		if !bytes.Contains(m.Data, []byte(mark(n))) {
			continue
		}
		if err := d.settle(m, legs); err != nil {
			return err
		}
	}
	return d.client.List(ctx, control.Selection{All: true}, func(j control.Job) error {
		waiting(j, legs)
		return nil
	})
}

// settle gives the legs their fate that a captured message is.
func (d *demo) settle(m lab.Message, legs []*leg) error {
	if m.Sender == "" { // a report; it carries the header of the message
		for _, l := range legs {
			if l.fate == "" && bytes.Contains(m.Data, []byte(l.Recipient)) {
				l.fate = fmt.Sprintf("returned %s; the report to %s arrived %s", l.Recipient, strings.Join(m.To(), ", "), d.place(m))
			}
		}
		return nil
	}
	for _, to := range m.To() {
		i := slices.IndexFunc(legs, func(l *leg) bool {
			return l.Recipient == to && "<"+m.Sender+">" == "<"+l.Sender+">" && l.Transport == d.world.hosts[m.Receiver].transport
		})
		if i < 0 {
			return fmt.Errorf("%w: %s arrived at %s", errElsewhere, to, m.Receiver)
		}
		legs[i].fate = fmt.Sprintf("arrived  %s %s", to, d.place(m))
	}
	return nil
}

// place is where and how a message arrived.
func (d *demo) place(m lab.Message) string {
	how := []string{m.Protocol}
	if m.TLS != nil {
		how = append(how, tls.VersionName(m.TLS.Version))
	}
	if m.Login != "" {
		how = append(how, "login "+m.Login)
	}
	return fmt.Sprintf("at %s [%s], %s", m.Receiver, d.world.hosts[m.Receiver].ip, strings.Join(how, ", "))
}

// waiting gives the legs of a job that was tried their fate.
func waiting(j control.Job, legs []*leg) {
	for _, r := range j.Recipients {
		if r.State != "waiting" || r.Reply == "" {
			continue // delivered among others that wait, or not tried yet
		}
		next := "next try in " + time.Until(j.Due).Round(time.Second).String()
		if j.Asleep {
			next = "next try when its host is reached again"
		}
		for _, l := range legs {
			if l.Recipient == r.Recipient && l.Transport == j.Transport {
				l.fate = fmt.Sprintf("waiting  %s: %s said %s; %s", l.Recipient, r.Remote, r.Reply, next)
			}
		}
	}
}
