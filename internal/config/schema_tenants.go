package config

// tenantBlock is the type of block that is a namespace.
const tenantBlock = "tenant"

func tenantSpec() *blockSpec {
	return &blockSpec{name: tenantBlock, doc: "A namespace: what stands in it concerns mail for its own domains, and of the logins of its own directories.",
		fields: []field{
			{name: "hostname", typ: typeDomain, doc: "Name under which reports about its mail are sent: one of its own domains, or below one. Absent: the server's.", example: `"mail.acme.example"`},
			{name: "postmaster", typ: typeAddress, doc: "Who gets mail for the postmaster of its domains that have none. Absent: the server's.", example: `"admin@acme.example"`},
		},
		inner: []*blockSpec{
			domainSpec(), directorySpec(), relaySpec(), denySpec(), transportSpec(), routeSpec(), copySpec(), tableSpec(), rewriteSpec(), srsSpec(), listSpec(), tenantLimitsSpec(),
			later("chain", "gateways that a tenant's mail must pass"),
			later("gateway", "a tenant's own gateway"),
			later("sign", "a tenant's own signatures"),
			later("egress", "a tenant's own source addresses"),
		}}
}

func tenantLimitsSpec() *blockSpec {
	return &blockSpec{name: "limits", single: true, doc: "What a tenant may have.", fields: []field{
		{name: "messages", typ: typeRate, doc: "Messages taken in, on the average of the unit; beyond it 451.", example: `"5000/h"`},
		{name: "queue", typ: typeCount, doc: "Jobs in the queue; beyond it 451.", example: "20000"},
		{name: "recipients", typ: typeCount, doc: "Recipients of one transaction that are its own.", example: "100"},
		{name: "max_message_size", typ: typeSize, doc: "Largest message.", example: `"20MB"`},
	}}
}

func templateSpec() *blockSpec {
	return &blockSpec{name: "domains", doc: "Many domains from a table, read at run time. A domain that has a block of its own is not looked up; of several `domains` the first whose table knows the domain counts.",
		fields: []field{
			{name: "from", typ: typeRef, of: "table", required: true, doc: "The table. Key a domain; value a word of `deliver`, with `tenant/` before it where the domain is a tenant's; or `@domain`, another hosted domain whose addresses are valid there too.", example: `table.hosted_domains`},
			{name: "mailboxes", typ: typeMembers, doc: "Who is there: a table with whole addresses as keys, `\"any\"`, or `\"ask\"`: whom the domain's transport accepts.", example: `table.users`},
			{name: "aliases", typ: typeRef, of: "table", doc: "Other names, as in `domain`.", example: `table.aliases`},
			{name: "catch_all", typ: typeText, doc: "Local part, in each of the domains, that gets mail for everybody else.", example: `"info"`},
			{name: "subaddress", typ: typeText, doc: "As in `domain`.", example: `"+"`},
			{name: "deliver", typ: typeWays, doc: "The transport where no route decides: one for all, or one for each word; `\"*\"` is for all other words.", example: `{ "fra" = transport.acme_fra, "old" = transport.acme_old }`},
		}, inner: []*blockSpec{migrationSpec(), askSpec()}}
}
