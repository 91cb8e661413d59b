package config

func directorySpec() *blockSpec {
	return &blockSpec{name: "directory", doc: "Logins and what they may do.", kinds: []kindSpec{
		{name: "file", doc: "A file of `name:hash` lines, the hash as argon2id (`$argon2id$…`) or bcrypt (`$2y$…`) writes it.", fields: append([]field{
			{name: "path", typ: typePath, required: true, doc: "The file.", example: `"staff.passwd"`},
		}, loginsFields()...)},
		{name: "sql", later: true}, {name: "ldap", later: true}, {name: "dovecot", later: true}, {name: "http", later: true},
	}}
}

// loginsFields are shared by all directories.
func loginsFields() []field {
	return []field{
		{name: "owns", typ: typeRef, of: "table", doc: "Key a sender, values the logins that may use it. Absent: a login may use any sender.", example: `table.sender_logins`},
		{name: "cache", typ: typeDuration, def: `"0s"`, doc: "How long a right password is believed without asking again; at most `\"1h\"`. A wrong one is always asked.", example: `"30s"`},
	}
}
