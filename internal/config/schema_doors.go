package config

func rootFields() []field {
	return []field{
		{name: "hostname", typ: typeDomain, doc: "Our name: in the greeting, EHLO, Received and Message-ID, and to find mail that comes back. `serve` needs it.", example: `"mx1.example.com"`},
		{name: "data", typ: typePath, doc: "Folder of the spool. `serve` needs it.", example: `"/var/lib/postroad"`},
		{name: "postmaster", typ: typeAddress, doc: "Where mail for `<postmaster>` without a domain goes.", example: `"admin@example.com"`},
		{name: "addresses", typ: typeIPs, doc: "Our own public addresses behind NAT, for the rule that an MX may be ourselves.", example: `["203.0.113.10"]`},
		{name: "max_received", typ: typeCount, def: "100", doc: "A message with more Received fields than this is in a loop.", example: "100"},
		{name: "min_free", typ: typeSize, def: `"512MiB"`, doc: "Free space of the data folder's disk below which no mail is taken (452); what is queued goes on. Taken at start.", example: `"2GB"`},
	}
}

func listenerSpec() *blockSpec {
	return &blockSpec{name: "listener", doc: "A door through which mail comes in by SMTP.", fields: []field{
		{name: "bind", typ: typeBinds, required: true, doc: "Addresses and ports to listen on.", example: `["0.0.0.0:25", "[::]:25"]`},
		{name: "tls", typ: typeWord, words: []string{"none", "offer", "require", "implicit"}, doc: "`none`; `offer` STARTTLS; `require` it before MAIL; `implicit`: TLS from the first octet. Absent: `offer` where there is a certificate, else `none`.", example: `"offer"`},
		{name: "certificate", typ: typePaths, doc: "Certificate chain and key in one PEM file; of several, SNI chooses and the first is the default. Read again when it changes.", example: `"tls/mx1.pem"`},
		{name: "key", typ: typePaths, doc: "Key files, one for each certificate, where they stand apart.", example: `"tls/mx1.key"`},
		{name: "max_message_size", typ: typeSize, def: `"50MB"`, doc: "Largest message.", example: `"50MB"`},
		{name: "max_recipients", typ: typeCount, def: "1000", doc: "Most recipients of one transaction.", example: "1000"},
		{name: "login", typ: typeRefs, of: "directory", doc: "AUTH is offered after TLS against these, and required before MAIL.", example: `[directory.staff]`},
		{name: "login_optional", typ: typeBool, def: "false", doc: "AUTH is offered and not required.", example: "true"},
		{name: "client", typ: typeNetworks, doc: "Nobody else may connect.", example: `["10.0.0.9"]`},
		{name: "bare_newlines", typ: typeWord, words: []string{"refuse", "repair"}, def: `"refuse"`, doc: "A CR or LF alone in a message: refuse the message, or make it a line end (for trusted old clients only).", example: `"refuse"`},
		{name: "timeout", typ: typeDuration, def: `"5m"`, doc: "Longest wait for a command.", example: `"5m"`},
		{name: "data_timeout", typ: typeDuration, def: `"3m"`, doc: "Longest wait for the next part of a message.", example: `"3m"`},
		{name: "max_errors", typ: typeCount, def: "20", doc: "Errors after which a session is closed.", example: "20"},
		{name: "max_connections", typ: typeCount, def: "1000", doc: "Connections at once.", example: "1000"},
		{name: "max_per_client", typ: typeCount, def: "100", doc: "Connections at once of one client (an IPv4 address, or an IPv6 /64). Clients whose network a `relay` rule names are held by `max_connections` only.", example: "50"},
		{name: "filters", typ: typeLater, doc: "Filters before the queue."},
		{name: "proxy", typ: typeLater, doc: "Peers that speak the PROXY protocol."},
		{name: "xclient", typ: typeLater, doc: "Peers that may say XCLIENT."},
	}}
}

// matcherFields are the conditions that a rule and its except blocks share.
func matcherFields() []field {
	return []field{
		{name: "recipient", typ: typePatterns, doc: "The recipient: as given in `relay` and `deny`, after aliases in `copy` and `route`.", example: `["example.com", ".example.com"]`},
		{name: "original", typ: typePatterns, doc: "The recipient as given, everywhere.", example: `["support@example.com"]`},
		{name: "sender", typ: typePatterns, doc: "The reverse-path; `\"<>\"` is the null one.", example: `["<>", table.senders]`},
		{name: "client", typ: typeClients, doc: "Address of the client; a table is of format cidr.", example: `["10.0.0.0/8", "fd00::/8"]`},
		{name: "login", typ: typeLogins, doc: "Who logged in.", example: `[directory.staff, "staff/ann"]`},
		{name: "certificate", typ: typeLater, doc: "Fingerprint of a client certificate."},
		{name: "listener", typ: typeRefs, of: "listener", doc: "The door.", example: `[listener.public]`},
		{name: "helo", typ: typeNames, doc: "Name that the client said in EHLO or HELO.", example: `[".example.org"]`},
		{name: "tls", typ: typeBool, doc: "Whether the session is encrypted.", example: "true"},
		{name: "tag", typ: typeTexts, doc: "Tags that filters set.", example: `["spam"]`},
		{name: "header", typ: typeHeaders, doc: "A header field; `*` in a glob is any text, case is not regarded.", example: `{ "X-Env" = "test*" }`},
		{name: "size", typ: typeSizes, doc: "Size of the message; several must all hold.", example: `">10MB"`},
		{name: "percent", typ: typePercent, doc: "So much of the mail, chosen by rule name and recipient, so that from 10 to 20 only adds.", example: "10"},
	}
}

func exceptSpec() *blockSpec {
	return &blockSpec{name: "except", single: true, fields: matcherFields(),
		doc: "Takes from a rule what it would match; holds when all its own attributes hold, several are alternatives."}
}

// ruleSpec is a block of matchers with what the rule does.
func ruleSpec(name, doc string, does ...field) *blockSpec {
	return &blockSpec{name: name, doc: doc, fields: append(matcherFields(), does...), inner: []*blockSpec{exceptSpec()}}
}

func relaySpec() *blockSpec {
	return ruleSpec("relay", "Who may send to domains that are not hosted here. Without a relay block nobody may.")
}

func denySpec() *blockSpec {
	return ruleSpec("deny", "Refused before relay and domains are asked.",
		field{name: "text", typ: typeText, doc: "What the client is told, behind 554 5.7.1.", example: `"go away"`})
}

func routeSpec() *blockSpec {
	return ruleSpec("route", "Where mail goes. The first that holds decides, in file order; then the hosted domain's `deliver`; then route \"default\".",
		field{name: "via", typ: typeRef, of: "transport", doc: "The transport. Either this or `lookup`.", example: `transport.partner`},
		field{name: "lookup", typ: typeRef, of: "table", doc: "A table with the keys and values of transport(5). A key that is not there goes on to the next route.", example: `table.transport_map`},
		field{name: "hosted", typ: typeBool, doc: "Whether the rule concerns mail for hosted domains too. Absent: it does when it names recipient, original, lookup or tag.", example: "true"})
}

func copySpec() *blockSpec {
	return ruleSpec("copy", "A copy of each message that matches, once a message.",
		field{name: "to", typ: typeAddress, required: true, doc: "Who gets it.", example: `"all@archive.example"`},
		field{name: "via", typ: typeRef, of: "transport", doc: "The transport. Absent: as routes have it.", example: `transport.hub`},
		field{name: "format", typ: typeWord, words: []string{"bcc"}, later: []string{"journal"}, def: `"bcc"`, doc: "`bcc`: the message as it is.", example: `"bcc"`})
}
