package config

// migrationSpec is the block of a domain whose mailboxes move.
func migrationSpec() *blockSpec {
	return &blockSpec{name: "migration", single: true, doc: "Stands in a domain whose mailboxes move from one system to another. Where an address lives is looked up at each attempt: what `postroad migration` was told, then `moved`, then `percent`, then `default`.", fields: []field{
		{name: "new", typ: typeRef, of: "transport", required: true, doc: "Where mailboxes move to.", example: `transport.acme_new`},
		{name: "old", typ: typeRef, of: "transport", required: true, doc: "Where they come from.", example: `transport.acme_old`},
		{name: "moved", typ: typeRef, of: "table", doc: "Whose keys are the addresses that live at `new`; a value `old` says otherwise.", example: `table.acme_moved`},
		{name: "default", typ: typeWord, words: []string{"old", "new"}, def: `"old"`, doc: "Where those live whom nobody names.", example: `"new"`},
		{name: "percent", typ: typePercent, doc: "Share of those whom nobody names that lives at `new`; going up only adds.", example: "10"},
		{name: "unknown", typ: typeWord, words: []string{"bounce", "try-other"}, def: `"bounce"`, doc: "When one side does not know an address: `bounce`, or ask the other side once before.", example: `"try-other"`},
		{name: "both", typ: typeBool, def: "false", doc: "Each message goes to the other side too, and what becomes of it there is told to nobody.", example: "true"},
		{name: "old_forwards", typ: typeRef, of: "table", doc: "What the old system is known to forward: key an address, or `@domain`, values where to. `check` looks for circles with it; no mail is decided by it.", example: `table.acme_old_forwards`},
		{name: "new_forwards", typ: typeRef, of: "table", doc: "The same of the new system.", example: `table.acme_new_forwards`},
		{name: "dry_run", typ: typeBool, def: "false", doc: "Tell where mail would go, and let it go by `deliver`.", example: "true"},
	}}
}

// askSpec is the block of a domain that says how its transport is asked.
func askSpec() *blockSpec {
	return &blockSpec{name: "ask", single: true, doc: "Stands in a domain with mailboxes = `\"ask\"`: how its transport is asked, and for how long an answer holds.", fields: []field{
		{name: "sender", typ: typeAddress, doc: "In MAIL FROM. Absent: the null reverse-path.", example: `"postmaster@example.com"`},
		{name: "known", typ: typeDuration, def: `"31d"`, doc: "An address that exists is believed for so long when nobody can be asked.", example: `"31d"`},
		{name: "known_refresh", typ: typeDuration, def: `"7d"`, doc: "It is asked about again after that.", example: `"1d"`},
		{name: "unknown", typ: typeDuration, def: `"3d"`, doc: "The same for one that does not exist.", example: `"1d"`},
		{name: "unknown_refresh", typ: typeDuration, def: `"3h"`, doc: "It is asked about again after that, while mail for it comes.", example: `"10m"`},
		{name: "timeout", typ: typeDuration, def: `"15s"`, doc: "Longest wait of a client for an answer; it is told to try again then.", example: `"15s"`},
	}}
}
