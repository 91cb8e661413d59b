package config

import "strconv"

func tableSpec() *blockSpec {
	return &blockSpec{name: "table", doc: "Keys and values. What cannot be read is \"try later\", never \"not found\".", kinds: []kindSpec{
		{name: "file", doc: "A file, read again when it changes; a new one that is broken is told and not taken.", fields: []field{
			{name: "path", typ: typePath, required: true, doc: "The file.", example: `"aliases"`},
			{name: "format", typ: typeWord, words: []string{"list", "map", "virtual", "transport", "cidr", "regexp", "csv"}, required: true, doc: "See \"Formats of table files\".", example: `"virtual"`},
			{name: "timeout", typ: typeDuration, def: `"5s"`, doc: "Longest wait for the file to yield something.", example: `"5s"`},
		}},
		{name: "inline", doc: "Entries that stand here.", fields: []field{
			{name: "entries", typ: typeEntries, required: true, doc: "A set, or a map.", example: `{ "customer1.example" = "fra" }`},
		}},
		{name: "sql", doc: "A query to PostgreSQL, MySQL, MariaDB or SQLite. A row is found, its columns are the values.", fields: sqlFields()},
		{name: "redis", doc: "A string, a field of a hash, or a set of Redis.", fields: redisFields()},
		{name: "ldap", doc: "A search on an LDAP server. An entry is found, its attributes are the values.", fields: ldapFields()},
		{name: "http", doc: "A service that is asked by GET and answers with JSON: 200 is found, 404 is not found.", fields: httpFields()},
		{name: "socketmap", doc: "A service that speaks socketmap_table(5).", fields: socketmapFields()},
		{name: "tcp", doc: "A service that speaks tcp_table(5), as postsrsd does.", fields: tcpFields()},
		{name: "cdb", doc: "A constant database, as `postmap cdb:…` makes it.", fields: packedFields("aliases.cdb")},
		{name: "lmdb", doc: "A file of LMDB, as `postmap lmdb:…` makes it.", fields: packedFields("aliases.lmdb")},
	}}
}

func packedFields(example string) []field {
	return []field{
		{name: "path", typ: typePath, required: true, doc: "The file, with its suffix; read again when it changes.", example: strconv.Quote(example)},
		{name: "timeout", typ: typeDuration, def: `"5s"`, doc: "Longest wait for the file to yield something.", example: `"5s"`},
	}
}

// remoteFields are shared by the tables that are asked over something that can
// fail; own are those of the kind.
func remoteFields(own ...field) []field {
	return append(own,
		field{name: "timeout", typ: typeDuration, def: `"5s"`, doc: "Longest wait for an answer; then it is \"try later\".", example: `"5s"`},
		field{name: "connections", typ: typeCount, def: "8", doc: "Most questions at once.", example: "8"},
		field{name: "ttl", typ: typeDuration, def: `"1m"`, doc: "How long a found answer serves; `\"0s\"`: the table is asked each time.", example: `"1m"`},
		field{name: "negative_ttl", typ: typeDuration, def: `"10s"`, doc: "How long \"not found\" serves.", example: `"10s"`},
		field{name: "stale", typ: typeDuration, def: `"0s"`, doc: "How much longer an answer serves while the table cannot be asked.", example: `"1h"`},
		field{name: "cache", typ: typeSize, def: `"16MB"`, doc: "Room for answers.", example: `"16MB"`},
	)
}

func sqlFields() []field {
	return remoteFields(
		field{name: "driver", typ: typeWord, words: []string{"postgres", "mysql", "sqlite"}, required: true, doc: "`mysql` is MariaDB too.", example: `"postgres"`},
		field{name: "dsn", typ: typeDSN, required: true, doc: "Where the database is, as its driver writes it; read at each new connection. A password stands in env or file only.", example: `env("DSN")`},
		field{name: "query", typ: typeText, required: true, doc: "The query, with the key as its one parameter: `$1` for postgres, `?` for mysql and sqlite, without quotes.", example: `"select 1 from users where address = $1"`},
	)
}
