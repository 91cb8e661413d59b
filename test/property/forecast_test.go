package property

import (
	"fmt"
	"slices"
	"strings"
)

// forecast is what `postroad route --json` prints, read by its contract and not
// by the types that wrote it.
type forecast struct {
	Sender     string
	Client     string
	Listener   string
	Generation string
	Recipients []judged
	Again      []entry
}

// judged is one recipient.
type judged struct {
	Recipient string
	Verdict   string
	Reply     struct {
		Code     int
		Enhanced string
		Text     string
	}
	Deliveries []delivery
}

// entry is mail that comes in again.
type entry struct {
	List, Sender, Tenant string
	Recipients           []judged
	Again                []entry
}

// delivery is one leg of a forecast.
type delivery struct {
	Recipient, Original, Sender, Tenant string
	Transport, Kind, Order              string
	Nexthops                            []string
	Rule, Source, Copy, Other           string
	Keep                                string `json:"keep_original"`
	Edits                               []edit
}

// edit is one address that a leg changes.
type edit struct{ Part, Field, From, To string }

// arrival is one recipient of one message at one receiver.
type arrival struct {
	recipient, sender string
	receivers         string   // sorted names, joined; several where the order is a lot
	text              string   // of the message, without what the server put in front
	front             []string // what the server puts in front; of a forecast, fields that are there
	other             bool     // the home does not know the recipient
}

// String leaves out the body.
func (a arrival) String() string {
	head, _, _ := strings.Cut(a.text, "\r\n\r\n")
	return fmt.Sprintf("%s from %s at %s: %q %q", a.recipient, a.sender, a.receivers, a.front, head)
}

// round is one transaction of a letter: as it comes in, or in again.
type round struct {
	net        *internet
	letter     letter
	sender     string
	recipients []judged
	again      []entry
}

// expected turns the legs of a round into arrivals; what is discarded arrives
// nowhere, and what comes in again arrives where it goes from there.
func (r round) expected() ([]arrival, error) {
	var out []arrival
	again := r.again
	for _, rcpt := range r.recipients {
		if rcpt.Verdict != "accept" {
			continue
		}
		for _, d := range rcpt.Deliveries {
			l, err := d.changes(r.letter, r.sender)
			if err != nil {
				return nil, err
			}
			if d.Kind != "reinject" {
				out = r.net.arrives(out, d, l)
				continue
			}
			i := slices.IndexFunc(again, d.leadsTo)
			if i < 0 {
				continue // together with one before
			}
			e := again[i]
			again = slices.Delete(slices.Clone(again), i, i+1)
			more, err := round{r.net, l, e.Sender, e.Recipients, e.Again}.expected()
			if err != nil {
				return nil, err
			}
			out = append(out, more...)
		}
	}
	if len(again) > 0 {
		return nil, fmt.Errorf("no delivery for the entry %+v", again[0])
	}
	return out, nil
}

// leadsTo tells whether mail comes in again by a leg.
func (d delivery) leadsTo(e entry) bool {
	if e.List != "" {
		return e.List == d.Rule
	}
	return e.Sender == d.Sender && e.Tenant == d.Tenant &&
		slices.ContainsFunc(e.Recipients, func(r judged) bool { return r.Recipient == d.Recipient })
}

// arrives adds the arrival of a leg, if it arrives anywhere.
func (n *internet) arrives(out []arrival, d delivery, l letter) []arrival {
	if n.arrivesNowhere(d) {
		return out
	}
	a := arrival{recipient: d.Recipient, sender: d.Sender, receivers: n.receivers(d), text: l.message(), front: d.front()}
	if l.added != nil {
		a.front = append(a.front, l.added.String())
	}
	if n.refuses(a.receivers, d.Recipient) {
		a.other = true
		if a.receivers = n.sides[d.Other]; a.receivers == "" || n.refuses(a.receivers, d.Recipient) {
			return out
		}
	}
	return append(out, a)
}

// front is the field that tells the next hop the original recipient.
func (d delivery) front() []string {
	switch d.Keep {
	case "x-original-to":
		return []string{"X-Original-To: " + d.Original + "\r\n"}
	case "delivered-to":
		return []string{"Delivered-To: " + d.Original + "\r\n"}
	}
	return nil
}

// allows tells whether an arrival is what was forecast.
func (a arrival) allows(got arrival) bool {
	for _, line := range a.front {
		if !strings.Contains(got.front[0], line) {
			return false
		}
	}
	return a.recipient == got.recipient && a.sender == got.sender && a.text == got.text &&
		slices.Contains(strings.Split(a.receivers, "|"), got.receivers)
}

// changes is the letter as the leg says that it changes it.
func (d delivery) changes(l letter, sender string) (letter, error) {
	var header []edit
	for _, e := range d.Edits {
		switch e.Part {
		case "header":
			header = append(header, e)
		case "sender":
			if e.From != sender {
				return l, fmt.Errorf("the sender is %s, and the edit is %+v", sender, e)
			}
			sender = e.To
		}
	}
	if sender != d.Sender {
		return l, fmt.Errorf("edits lead to the sender %s, and %s is told", sender, d.Sender)
	}
	return l.changed(header)
}

// arrivesNowhere tells of legs that no capture sees: what is discarded, the
// built-in mx (port 25, and no private addresses), and a transport table that
// sends one protocol to a receiver of the other.
func (n *internet) arrivesNowhere(d delivery) bool {
	switch {
	case d.Kind == "discard", d.Kind == "reject":
		return true
	case d.Order == "mx":
		return d.Transport != "internet"
	}
	return (d.Kind == "lmtp") != strings.HasPrefix(n.receivers(d), "lmtp")
}

// entries counts what comes in again: over borders, and to members of lists.
func entries(all []entry) (crossings, lists int) {
	for _, e := range all {
		more, other := entries(e.Again)
		crossings, lists = crossings+more, lists+other
		if e.List == "" {
			crossings++
		} else {
			lists++
		}
	}
	return crossings, lists
}

// copies counts the legs that are copies.
func (f forecast) copies() int {
	n := 0
	for _, r := range f.Recipients {
		for _, d := range r.Deliveries {
			if d.Copy != "" {
				n++
			}
		}
	}
	return n
}

// receivers names those at which a leg may arrive while all hosts are up.
func (n *internet) receivers(d delivery) string {
	switch d.Order {
	case "mx":
		return n.mx[d.Nexthops[0]]
	case "failover":
		return n.byAddr[bare(d.Nexthops[0])]
	}
	var names []string
	for _, h := range d.Nexthops {
		names = append(names, n.byAddr[bare(h)])
	}
	slices.Sort(names)
	return join(names)
}

// bare takes off the brackets by which transport(5) says "no MX".
func bare(hop string) string { return strings.NewReplacer("[", "", "]", "").Replace(hop) }
