package config

import "slices"

func domainSpec() *blockSpec {
	return &blockSpec{name: "domain", doc: "A domain that is hosted here; the label is its name.", fields: []field{
		{name: "mailboxes", typ: typeMembers, doc: "Who is there. `\"any\"`: everybody. `\"ask\"`: whom the domain's transport accepts.", example: `["ann", "bob"]`},
		{name: "aliases", typ: typeAliases, doc: "Other names: one address to one or more. Chains are followed; a target outside is forwarding.", example: `{ "sales" = ["ann", "crm@example.net"] }`},
		{name: "catch_all", typ: typeTargets, doc: "Who gets mail for everybody else.", example: `"info@example.com"`},
		{name: "subaddress", typ: typeText, doc: "Octets of which the first one ends the local part that is looked up.", example: `"+"`},
		{name: "deliver", typ: typeRef, of: "transport", doc: "The transport where no route decides.", example: `transport.mailstore`},
		{name: "alias_of", typ: typeDomain, doc: "Another hosted domain whose addresses are valid here too; nothing else stands beside it.", example: `"example.com"`},
		{name: "resolver", typ: typeLater, doc: "A resolver of its own."},
		{name: "srs", typ: typeRef, of: "srs", doc: "Under which scheme it forwards to foreign domains. Absent: srs \"default\", where there is one.", example: `srs.default`},
	}, inner: []*blockSpec{migrationSpec(), askSpec(), later("limits", "limits of a domain")}}
}

// wireFields are shared by the transports that speak SMTP or LMTP.
func wireFields(tls string) []field {
	return []field{
		{name: "tls", typ: typeWord, words: []string{"none", "offer", "require", "verify", "implicit"}, def: tls, doc: "`none`; `offer`: STARTTLS where there is; `require` it; `verify` the certificate too; `implicit`: verified, from the first octet.", example: `"verify"`},
		{name: "source", typ: typeIPs, doc: "Address to connect from: one of IPv4, one of IPv6, or both.", example: `"10.9.0.1"`},
		{name: "hostname", typ: typeDomain, doc: "Name to say in EHLO. Absent: the server's.", example: `"out.example.com"`},
		{name: "resolver", typ: typeRef, of: "resolver", doc: "Who answers for names. Absent: resolver \"default\".", example: `resolver.default`},
		retryField(),
		{name: "connections", typ: typeCount, def: "20", doc: "Most connections at once to one destination.", example: "20"},
		{name: "reuse", typ: typeBool, def: "true", doc: "Keep connections for the next message.", example: "true"},
		{name: "connect_timeout", typ: typeDuration, def: `"30s"`, doc: "Longest wait for a connection.", example: `"30s"`},
		{name: "command_timeout", typ: typeDuration, def: `"5m"`, doc: "Longest wait for a reply.", example: `"5m"`},
		{name: "data_timeout", typ: typeDuration, def: `"10m"`, doc: "Longest wait for the reply to the final dot.", example: `"10m"`},
		{name: "egress", typ: typeLater, doc: "A pool of source addresses."},
	}
}

func loginFields() []field {
	return []field{
		{name: "user", typ: typeText, doc: "Login at the remote; `pass` belongs to it.", example: `"relay@example.com"`},
		{name: "pass", typ: typeSecret, doc: "Password, read when first needed.", example: `env("SMARTHOST_PASS")`},
	}
}

func hostFields(port, example string) []field {
	return []field{
		{name: "to", typ: typeHosts, required: true, port: port, doc: "Hosts: `host`, `host:port`, `[IPv6]:port`, for smtp `mx:name` (the MX of another name), for lmtp `unix:/path`. A list of lists is tiers: random within one, the next when all of it fails.", example: example},
		{name: "balance", typ: typeWord, words: []string{"failover", "random"}, doc: "How a plain list is tried: in order, or drawn anew at each attempt. Absent: `failover`.", example: `"random"`},
	}
}

func transportSpec() *blockSpec {
	return &blockSpec{name: "transport", doc: "A way out. The transports mx, smtp, relay, lmtp, error and discard of transport(5) are always there, so these names are taken.", kinds: []kindSpec{
		{name: "mx", doc: "The MX of the recipient's domain (RFC 5321 s5.1).", fields: append([]field{
			{name: "port", typ: typeCount, def: "25", doc: "Port to connect to.", example: "25"},
			{name: "private", typ: typeBool, def: "false", doc: "Whether names from DNS may lead to loopback and private addresses.", example: "true"},
		}, wireFields(`"offer"`)...)},
		{name: "smtp", doc: "Hosts that are named here.", fields: slices.Concat(hostFields("25", `["smtp.provider.example:587"]`), loginFields(), []field{keepField("orcpt")}, wireFields(`"offer"`))},
		{name: "lmtp", doc: "A mail store that speaks LMTP (RFC 2033).", fields: slices.Concat(hostFields("24", `["10.0.0.5:24", "unix:/run/lmtp"]`), loginFields(), []field{keepField("orcpt")}, wireFields(`"none"`))},
		maildirKind(),
		{name: "reject", doc: "A refusal.", fields: []field{
			{name: "code", typ: typeCount, def: "550", doc: "Reply code, 4xx or 5xx.", example: "550"},
			{name: "enhanced", typ: typeText, doc: "Enhanced status of the same class. Absent: 5.7.1, or 4.7.1 for a 4xx.", example: `"5.7.1"`},
			{name: "text", typ: typeText, def: `"refused"`, doc: "What the client is told.", example: `"not here"`},
		}},
		{name: "discard", doc: "Nowhere, without a word."},
		webhookKind(), pipeKind(),
	}}
}

func resolverSpec() *blockSpec {
	return &blockSpec{name: "resolver", doc: "DNS servers. \"default\" serves wherever no other is named.", fields: []field{
		{name: "servers", typ: typeServers, doc: "Absent: the system's.", example: `["127.0.0.1:53"]`},
		{name: "dnssec", typ: typeWord, words: []string{"trust-ad", "off"}, def: `"off"`, doc: "`trust-ad`: a validating resolver on a path that can be trusted.", example: `"trust-ad"`},
		{name: "timeout", typ: typeDuration, def: `"5s"`, doc: "Longest wait for an answer, all servers included.", example: `"5s"`},
	}}
}

func retrySpec() *blockSpec {
	return &blockSpec{name: "retry", doc: "When to try again and when to give up. \"default\" serves wherever no other is named.", fields: []field{
		{name: "after", typ: typeDurations, def: `["1m", "5m", "15m", "1h"]`, doc: "Waits after the first attempts.", example: `["1m", "5m", "15m", "1h"]`},
		{name: "then", typ: typeDuration, def: `"4h"`, doc: "Wait after each further one.", example: `"4h"`},
		{name: "warn", typ: typeDuration, def: `"4h"`, doc: "Age at which the sender is told of the delay; `\"0s\"`: never.", example: `"4h"`},
		{name: "give_up", typ: typeDuration, def: `"5d"`, doc: "Age at which the message goes back.", example: `"5d"`},
	}}
}

func consoleSpec() *blockSpec {
	return &blockSpec{name: "console", single: true, doc: "Metrics and health over HTTP.", fields: []field{
		{name: "bind", typ: typeBinds, required: true, doc: "Addresses and ports to listen on.", example: `["127.0.0.1:8025"]`},
	}}
}

func logSpec() *blockSpec {
	return &blockSpec{name: "log", single: true, doc: "The log.", fields: []field{
		{name: "format", typ: typeWord, words: []string{"text", "json"}, def: `"text"`, doc: "How lines look.", example: `"json"`},
		{name: "level", typ: typeWord, words: []string{"debug", "info", "warn", "error"}, def: `"info"`, doc: "From which level on.", example: `"info"`},
	}}
}
