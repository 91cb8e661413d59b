package property

import (
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
	Rule, Source, Copy                  string
}

// arrival is one recipient of one message at one receiver.
type arrival struct {
	recipient, sender string
	receivers         string // sorted names, joined; several where the order is a lot
}

// expected turns the legs of a forecast into arrivals; what is discarded arrives
// nowhere.
func (n *internet) expected(f forecast) []arrival {
	var out []arrival
	for _, r := range f.Recipients {
		if r.Verdict != "accept" {
			continue
		}
		for _, d := range r.Deliveries {
			if n.arrivesNowhere(d) {
				continue
			}
			out = append(out, arrival{recipient: d.Recipient, sender: d.Sender, receivers: n.receivers(d)})
		}
	}
	return out
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
