package config

func directorySpec() *blockSpec {
	return &blockSpec{name: "directory", doc: "Logins and what they may do.", kinds: []kindSpec{
		{name: "file", doc: "A file of `name:hash` lines, the hash as argon2id (`$argon2id$…`) or bcrypt (`$2y$…`) writes it.", fields: append([]field{
			{name: "path", typ: typePath, required: true, doc: "The file.", example: `"staff.passwd"`},
		}, loginsFields()...)},
		{name: "sql", doc: "A query to PostgreSQL, MySQL, MariaDB or SQLite that gives the hash of a name.", fields: askedFields(
			field{name: "driver", typ: typeWord, words: []string{"postgres", "mysql", "sqlite"}, required: true, doc: "`mysql` is MariaDB too.", example: `"postgres"`},
			field{name: "dsn", typ: typeDSN, required: true, doc: "Where the database is, as its driver writes it; read at each new connection. A password stands in env or file only.", example: `env("DSN")`},
			field{name: "query", typ: typeText, required: true, doc: "The query, with the name as its one parameter: `$1` for postgres, `?` for mysql and sqlite, without quotes. One row: the hash, as in a file; a second column is the name as the database spells it.", example: `"select hash, name from users where name = $1"`},
		)},
		{name: "ldap", doc: "An LDAP server that is bound to as the user.", fields: ldapLoginFields()},
		{name: "dovecot", doc: "Dovecot's auth service, by its client protocol.", fields: askedFields(
			field{name: "address", typ: typeText, required: true, doc: "`unix:/path` of the socket auth-client, or `host:port`.", example: `"unix:/run/dovecot/auth-client"`},
		)},
		{name: "http", doc: "A service that is asked by POST, with JSON: 200 is yes, 401 is no, all else is \"try later\".", fields: askedFields(
			field{name: "url", typ: typeText, required: true, doc: "Where to post.", example: `"https://auth.example.com/login"`},
			field{name: "secret", typ: typeSecret, doc: "Sent as bearer token; read each time.", example: `env("AUTH_TOKEN")`},
			caField(),
		)},
	}}
}

func ldapLoginFields() []field {
	return askedFields(append(ldapServerFields(),
		field{name: "bind", typ: typeText, doc: "The user's DN, with `{name}`. Either this, or base and filter.", example: `"uid={name},ou=people,dc=example,dc=com"`},
		field{name: "base", typ: typeText, doc: "Where to search for the user.", example: `"ou=people,dc=example,dc=com"`},
		field{name: "filter", typ: typeText, doc: "What finds one entry, with `{name}`.", example: `"(&(objectClass=person)(uid={name}))"`},
		field{name: "attribute", typ: typeText, doc: "Attribute of the entry that spells the login's name. Absent: as the client wrote it.", example: `"uid"`},
	)...)
}

func caField() field {
	return field{name: "ca", typ: typePath, doc: "PEM file of the authorities that sign the server's certificate. Absent: the system's.", example: `"ca.pem"`}
}

// loginsFields are shared by all directories.
func loginsFields() []field {
	return []field{
		{name: "owns", typ: typeRef, of: "table", doc: "Key a sender, values the logins that may use it. Absent: a login may use any sender.", example: `table.sender_logins`},
		{name: "owns_through", typ: typeWords, words: []string{"alias_of", "aliases"}, doc: "Where `owns` has nothing for a sender, who owns the address that it is another name of: `alias_of`, the same one in the domain that its domain is an alias of; `aliases`, the only target of an alias. Absent: nobody.", example: `["alias_of", "aliases"]`},
		{name: "cache", typ: typeDuration, def: `"0s"`, doc: "How long a right password is believed without asking again; at most `\"1h\"`. A wrong one is always asked.", example: `"30s"`},
	}
}

// askedFields are those of the directories on other machines; own are the kind's.
func askedFields(own ...field) []field {
	return append(append(own, loginsFields()...),
		field{name: "timeout", typ: typeDuration, def: `"5s"`, doc: "Longest wait for an answer; then it is \"try later\".", example: `"5s"`},
		field{name: "connections", typ: typeCount, def: "8", doc: "Most questions at once.", example: "8"},
	)
}
