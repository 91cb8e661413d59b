package config

import "strings"

// Postfix is a service that speaks one of Postfix's own table protocols.
type Postfix struct {
	Address string // unix:/path or host:port
	Map     string // socketmap: its name
}

func socketmapFields() []field {
	return remoteFields(serviceAddress(),
		field{name: "map", typ: typeText, required: true, doc: "The name of the map.", example: `"virtual"`},
	)
}

func tcpFields() []field { return remoteFields(serviceAddress()) }

func serviceAddress() field {
	return field{name: "address", typ: typeText, required: true, doc: "`unix:/path` of a socket, or `host:port`.", example: `"127.0.0.1:10001"`}
}

func (l *loader) postfixTable(b *block, r *Remote) {
	r.Postfix = &Postfix{Address: l.address(b), Map: get[string](b, "map")}
	if !b.bad && b.given("map") && (r.Postfix.Map == "" || strings.ContainsAny(r.Postfix.Map, " \x00\r\n")) {
		l.errorf(b.place("map"), "the name of a map has no spaces")
	}
}
