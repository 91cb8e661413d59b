package postfix

import (
	"net"
	"net/netip"
	"path/filepath"
	"strings"

	"github.com/postroad/postroad/internal/decide"
)

// notCarried is the transport for ways that postroad has nothing for: the mail
// waits with its sender until somebody mends it.
const notCarried = "not_carried_over"

// destination is a way of Postfix's with the login that it uses.
type destination struct {
	transport, nexthop string
	user, pass         string // of the sender, "": as the next hop has them
	level              string // of TLS, "": as the next hop or the service has it
	from               string // place
}

// service finds the delivery agent of a name; without a master.cf those that
// Postfix comes with.
func (in *Installation) service(name string) Service {
	for _, s := range in.Services {
		if s.Name == name && (s.Type == "unix" || s.Type == "fifo") {
			return s
		}
	}
	command := map[string]string{"smtp": "smtp", "relay": "smtp", "lmtp": "lmtp", "local": "local", "virtual": "virtual",
		"error": "error", "retry": "error", "discard": "discard"}[name]
	return Service{Name: name, Type: "unix", Command: command}
}

// via gives the transport for a destination, and makes it when it is new.
func (im *importer) via(d destination) string {
	key := d.transport + ":" + d.nexthop + "\x00" + d.user + "\x00" + d.level
	if name, ok := im.ways[key]; ok {
		return name
	}
	s := im.service(d.transport)
	im.ways[key] = notCarried // for what follows, should it lead back here
	switch {
	case s.Command == "smtp" || s.Command == "lmtp":
		im.ways[key] = im.client(s, d)
	case s.Command == "error":
		im.ways[key] = im.failing(s, d)
	case s.Command == "discard":
		im.ways[key] = decide.BuiltinDiscard
	case s.Command == "local" && d.transport == "local":
		im.ways[key] = im.localMailboxes(d)
	case s.Command == "virtual":
		im.ways[key] = im.virtualMailboxes(d)
	case s.Command == "pipe":
		im.ways[key] = im.pipeService(s, d)
	default:
		im.ways[key] = im.waiting(s, d)
	}
	return im.ways[key]
}

// reserved are the names of the transports that are always there.
func reserved() names {
	out := names{}
	for _, t := range decide.Builtins() {
		out[t.Name] = true
	}
	return out
}

// waiting is for services that postroad has no transport for.
func (im *importer) waiting(s Service, d destination) string {
	what, place := "transport "+d.transport, d.from
	if s.Line > 0 {
		what, place = s.Name+" ("+s.Command+")", (&Table{Shown: s.File}).Place(s.Line)
	}
	im.result.shapes["transport:"+d.transport] = im.leaveOnly(Left{What: what, Place: place, Why: "it is not carried over: its mail is answered 450 until you write a transport for it (\"pipe\" runs a program)"})
	if !im.transports[notCarried] {
		im.transports[notCarried] = true
		b := im.doc.add(sectionTransports, &block{head: `transport "reject" ` + quote(notCarried), from: place})
		b.set("code", "450", "").set("enhanced", `"4.3.5"`, "").set("text", `"The way for this address is not carried over yet"`, "")
	}
	return notCarried
}

// failing is error(8) with its text.
func (im *importer) failing(s Service, d destination) string {
	name := im.transports.take("refuse_" + d.nexthop)
	b := im.doc.add(sectionTransports, &block{head: `transport "reject" ` + quote(name), from: d.from})
	code, enhanced, text := "550", "5.0.0", d.nexthop
	if s.Name == "retry" {
		code, enhanced = "450", "4.0.0"
	}
	if word, rest, _ := strings.Cut(text, " "); len(word) >= 5 && word[1] == '.' && (word[0] == '4' || word[0] == '5') {
		enhanced, text = word, rest
		if code = "550"; word[0] == '4' {
			code = "450"
		}
	}
	b.set("code", code, "").set("enhanced", quote(enhanced), "")
	if text != "" {
		b.set("text", quote(text), "")
	}
	return name
}

// client is smtp(8): to the MX of the recipient's domain, or to next hops.
func (im *importer) client(s Service, d destination) string {
	label, kind := "by_"+s.Name, "mx"
	if d.nexthop != "" {
		label, kind = "to_"+d.nexthop, s.Command
	} else if s.Command == "lmtp" {
		return im.waiting(s, d)
	}
	if d.user != "" {
		label += "_" + d.user
	}
	if d.level != "" {
		label += "_" + d.level
	}
	name := im.transports.take(label)
	b := &block{head: `transport "` + kind + `" ` + quote(name), from: d.from}
	if d.nexthop != "" {
		hosts, ok := im.hosts(s.Command, d.nexthop)
		if !ok {
			return im.waiting(Service{Name: s.Name, Command: s.Command + " " + d.nexthop}, d)
		}
		b.set("to", quoteList(hosts), "")
	}
	im.doc.add(sectionTransports, b)
	im.clientOptions(b, s, d)
	return name
}

// hosts turns next hops into hosts: names in brackets are hosts, bare ones are
// looked up as MX, but by LMTP.
func (in *Installation) hosts(command, nexthop string) ([]string, bool) {
	var out []string
	for _, hop := range items(nexthop) {
		h, ok := in.host(command, hop)
		if !ok {
			return nil, false
		}
		out = append(out, h)
	}
	return out, len(out) > 0
}

func (in *Installation) host(command, hop string) (string, bool) {
	if path, is := strings.CutPrefix(hop, "unix:"); is {
		if !filepath.IsAbs(path) {
			path = filepath.Join(in.Main.Get("queue_directory"), path)
		}
		return "unix:" + path, command == "lmtp"
	}
	hop = strings.TrimPrefix(hop, "inet:")
	host, port := hop, ""
	if i := strings.LastIndexByte(hop, ':'); i > strings.LastIndexByte(hop, ']') {
		host, port = hop[:i], portNumber(hop[i+1:])
		if port == "" {
			return "", false
		}
	}
	plain := strings.TrimPrefix(strings.Trim(host, "[]"), "IPv6:")
	_, err := netip.ParseAddr(plain)
	if command == "smtp" && !strings.HasPrefix(host, "[") && err != nil {
		if port != "" {
			plain += ":" + port
		}
		return "mx:" + strings.ToLower(plain), plain != ""
	}
	if port == "" {
		port = map[string]string{"smtp": "25", "lmtp": "24"}[command]
	}
	return net.JoinHostPort(strings.ToLower(plain), port), plain != ""
}

// portNumber knows the names of /etc/services that Postfix configurations use.
func portNumber(s string) string {
	if n, ok := map[string]string{"smtp": "25", "lmtp": "24", "submission": "587", "submissions": "465", "smtps": "465"}[s]; ok {
		return n
	}
	if !isDigits(s) {
		return ""
	}
	return s
}
