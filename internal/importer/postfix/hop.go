package postfix

import (
	"strings"

	"github.com/postroad/postroad/internal/explain"
)

// hop writes where a leg of Postfix's goes, in the one form in which both sides
// are compared: "smtp mx:example.com", "smtp 10.0.0.1:25", "lmtp unix:/run/lmtp",
// "maildir local".
func (r *Result) hop(l Leg) string {
	s := r.model.service(l.Transport)
	switch s.Command {
	case "smtp", "lmtp":
		hosts, ok := r.model.hosts(s.Command, l.Nexthop)
		if !ok {
			return s.Command + " ?" + l.Nexthop
		}
		return s.Command + " " + withPorts(hosts)
	case "local", "virtual":
		return "maildir " + s.Command
	case "discard", "pipe":
		return s.Command
	}
	return "other " + l.Transport
}

// withPorts writes the port of SMTP where an MX has none.
func withPorts(hosts []string) string {
	out := make([]string, len(hosts))
	for i, h := range hosts {
		out[i] = h
		if name, is := strings.CutPrefix(h, "mx:"); is && !strings.Contains(name, ":") {
			out[i] += ":25"
		}
	}
	return strings.Join(out, ",")
}

// ourHop writes where a delivery of ours goes, in the same form.
func (r *Result) ourHop(d explain.Delivery) string {
	switch d.Kind {
	case "mx":
		if d.Order == "mx" {
			return "smtp mx:" + strings.Join(d.Nexthops, ",") + ":25"
		}
		hosts, _ := r.model.hosts("smtp", strings.Join(d.Nexthops, " "))
		return "smtp " + withPorts(hosts)
	case "smtp", "lmtp":
		if d.Rule != "" && d.Order == "failover" && strings.Contains(strings.Join(d.Nexthops, ""), "[") {
			hosts, _ := r.model.hosts(d.Kind, strings.Join(d.Nexthops, " "))
			return d.Kind + " " + withPorts(hosts)
		}
		return d.Kind + " " + withPorts(d.Nexthops)
	case "maildir":
		return "maildir " + d.Transport
	case "discard", "pipe":
		return d.Kind
	}
	return d.Kind + " " + d.Transport
}
