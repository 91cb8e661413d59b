package config

// Transports that hand mail to other systems, one recipient at a time.

// retryField is what every transport has that may have to try again.
func retryField() field {
	return field{name: "retry", typ: typeRef, of: "retry", doc: "When to try again. Absent: retry \"default\".", example: `retry.default`}
}

// keepField is for transports that tell the next hop which address the client gave;
// more are its ways beside header fields.
func keepField(more ...string) field {
	doc := "The recipient as the client gave it is told in a header field in front of the message, `X-Original-To` or `Delivered-To`."
	if len(more) > 0 {
		doc += " `orcpt`: in the parameter ORCPT alone (RFC 3461), which a host that offers DSN is given in any case."
	}
	return field{name: "keep_original", typ: typeWord, words: append([]string{"x-original-to", "delivered-to"}, more...), doc: doc, example: `"x-original-to"`}
}

func maildirKind() kindSpec {
	return kindSpec{name: "maildir", doc: "Files in folders.", fields: []field{
		{name: "path", typ: typePath, required: true, doc: "The maildir, with `{domain}` and `{local}` of the recipient.", example: `"/var/mail/{domain}/{local}"`},
		{name: "folders", typ: typeWord, words: []string{"none", "subaddress"}, def: `"none"`, doc: "`subaddress`: mail for a subaddress goes to the Maildir++ folder of that name; to the inbox where there is none.", example: `"subaddress"`},
		{name: "create_folders", typ: typeBool, def: "false", doc: "Make a folder that is not there. Whoever knows an address can then make folders.", example: "true"},
		keepField(),
		retryField(),
	}}
}

func pipeKind() kindSpec {
	return kindSpec{name: "pipe", doc: "A program that takes one message for one recipient on its standard input.", fields: []field{
		{name: "command", typ: typeTexts, required: true, doc: "The program and its arguments; there is no shell. `{recipient}`, `{sender}`, `{local}`, `{domain}`, `{original}` and `{id}` stand for values, as an argument or in one.", example: `["/usr/local/bin/ingest", "--", "{recipient}"]`},
		{name: "user", typ: typeText, doc: "Name or number of the user that it runs as, never root. Absent: the server's own.", example: `"ticket"`},
		{name: "group", typ: typeText, doc: "Name or number of the group. Absent: that of the user.", example: `"ticket"`},
		{name: "directory", typ: typePath, def: `"/"`, doc: "Folder in which it runs.", example: `"/var/lib/ticket"`},
		{name: "timeout", typ: typeDuration, def: `"5m"`, doc: "Time after which it is killed, with all of its process group.", example: `"5m"`},
		{name: "max_output", typ: typeSize, def: `"64KB"`, doc: "A program that writes more is killed.", example: `"64KB"`},
		{name: "memory", typ: typeSize, doc: "Most address space.", example: `"512MiB"`},
		{name: "cpu", typ: typeDuration, doc: "Most processor time.", example: `"60s"`},
		{name: "file_size", typ: typeSize, doc: "Largest file that it may write.", example: `"100MB"`},
		{name: "open_files", typ: typeCount, doc: "Most open files.", example: "64"},
		{name: "processes", typ: typeCount, doc: "Most processes of its user, all of them counted.", example: "50"},
		{name: "connections", typ: typeCount, def: "5", doc: "Most programs at once.", example: "5"},
		keepField(),
		retryField(),
	}}
}

func webhookKind() kindSpec {
	return kindSpec{name: "webhook", doc: "A service that gets one message for one recipient by POST.", fields: []field{
		{name: "url", typ: typeText, required: true, doc: "Where to post.", example: `"https://crm.example/mail"`},
		{name: "secret", typ: typeSecret, doc: "Key of the signature, read each time. Absent: nothing is signed.", example: `file("hook.key")`},
		{name: "format", typ: typeWord, words: []string{"multipart", "json"}, def: `"multipart"`, doc: "`multipart`: form-data with the parts envelope and message; `json`: an object with both, the message in base64.", example: `"json"`},
		{name: "headers", typ: typeFields, doc: "Fields of each request.", example: `{ "Authorization" = env("HOOK_TOKEN") }`},
		{name: "wait", typ: typeStatuses, def: `["408", "425", "429"]`, doc: "Statuses of class 4 that wait; `\"4xx\"` is all of them. The others bounce.", example: `["408", "425", "429"]`},
		{name: "private", typ: typeBool, def: "false", doc: "Whether a name may lead to loopback and private addresses. An address in the URL itself may always.", example: "true"},
		{name: "tls", typ: typeWord, words: []string{"verify", "require"}, def: `"verify"`, doc: "`verify` the certificate of an https URL; `require`: encryption is enough.", example: `"verify"`},
		caField(),
		{name: "timeout", typ: typeDuration, def: `"1m"`, doc: "Longest wait for the reply, once the message has been sent.", example: `"1m"`},
		{name: "connect_timeout", typ: typeDuration, def: `"10s"`, doc: "Longest wait for a connection, and for TLS on it.", example: `"10s"`},
		{name: "data_timeout", typ: typeDuration, def: `"10m"`, doc: "Longest time for one request as a whole.", example: `"10m"`},
		{name: "connections", typ: typeCount, def: "20", doc: "Most requests at once.", example: "20"},
		keepField(),
		{name: "resolver", typ: typeRef, of: "resolver", doc: "Who answers for names. Absent: resolver \"default\".", example: `resolver.default`},
		retryField(),
	}}
}
