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
	Recipients []struct {
		Recipient string
		Verdict   string
		Reply     struct {
			Code     int
			Enhanced string
			Text     string
		}
		Deliveries []delivery
	}
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
	receivers         string // sorted names, joined; several where the order is a lot
	text              string // of the message, without what the server put in front
	front             string // what the server puts in front; of a forecast, a field that is there
	other             bool   // the home does not know the recipient
}

// String leaves out the body.
func (a arrival) String() string {
	head, _, _ := strings.Cut(a.text, "\r\n\r\n")
	return fmt.Sprintf("%s from %s at %s: %q %q", a.recipient, a.sender, a.receivers, a.front, head)
}

// expected turns the legs of a forecast into arrivals; what is discarded arrives
// nowhere.
func (n *internet) expected(l letter, f forecast) ([]arrival, error) {
	var out []arrival
	for _, r := range f.Recipients {
		if r.Verdict != "accept" {
			continue
		}
		for _, d := range r.Deliveries {
			if n.arrivesNowhere(d) {
				continue
			}
			a := arrival{recipient: d.Recipient, sender: d.Sender, receivers: n.receivers(d)}
			if n.refuses(a.receivers, d.Recipient) {
				a.other = true
				if a.receivers = n.sides[d.Other]; a.receivers == "" || n.refuses(a.receivers, d.Recipient) {
					continue
				}
			}
			var err error
			if a.text, err = d.text(l, f.Sender); err != nil {
				return nil, err
			}
			a.front = d.front()
			out = append(out, a)
		}
	}
	return out, nil
}

// front is the field that tells the next hop the original recipient.
func (d delivery) front() string {
	switch d.Keep {
	case "x-original-to":
		return "X-Original-To: " + d.Original + "\r\n"
	case "delivered-to":
		return "Delivered-To: " + d.Original + "\r\n"
	}
	return ""
}

// allows tells whether an arrival is what was forecast.
func (a arrival) allows(got arrival) bool {
	return a.recipient == got.recipient && a.sender == got.sender && a.text == got.text &&
		strings.Contains(got.front, a.front) && slices.Contains(strings.Split(a.receivers, "|"), got.receivers)
}

// text is the message as the leg says that it changes it.
func (d delivery) text(l letter, sender string) (string, error) {
	var header []edit
	for _, e := range d.Edits {
		switch e.Part {
		case "header":
			header = append(header, e)
		case "sender":
			if e.From != sender {
				return "", fmt.Errorf("the sender is %s, and the edit is %+v", sender, e)
			}
			sender = e.To
		}
	}
	if sender != d.Sender {
		return "", fmt.Errorf("edits lead to the sender %s, and %s is told", sender, d.Sender)
	}
	return l.edited(header)
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

// crosses tells whether some of it comes in again.
func (f forecast) crosses() bool {
	for _, r := range f.Recipients {
		for _, d := range r.Deliveries {
			if d.Kind == "reinject" {
				return true
			}
		}
	}
	return false
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
