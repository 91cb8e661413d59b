// Package tabletest has what the tests of every kind of table need: hostile keys to
// ask for, and listeners for what plays the other end. It is for tests only and
// knows no kind; a kind stores these keys, or their
// neighbours, and must answer each by itself.
package tabletest

import (
	"fmt"
	"strings"
)

// HostileKeys gives 200 and more different keys, in the form of table.Key, that
// mean something to SQL, LDAP filters, Redis, URLs, JSON, shells, format strings
// and the line protocols of Postfix. All are UTF-8; none is empty, and none has
// a NUL or a line end, which Raw adds.
func HostileKeys() []string {
	var keys []string
	for _, piece := range pieces() {
		keys = append(keys, piece, "ann"+piece+"@example.com")
	}
	for _, c := range "!\"#$%&'()*+,-./:;<=>?[\\]^_`{|}~ \t" {
		keys = append(keys, string(c), "a"+string(c)+"b@example.com", strings.Repeat(string(c), 3))
	}
	for n := 1; n <= 16; n *= 2 {
		keys = append(keys, strings.Repeat("x", n*60)+"@example.com", fmt.Sprintf("ann@%s.com", strings.Repeat("a.", n)))
	}
	return unique(keys)
}

// Raw gives keys that no address can be, but that a person can type: with NULs,
// line ends and octets that are not UTF-8.
func Raw() []string {
	return []string{
		"", "\x00", "ann\x00@example.com", "ann@example.com\x00", "ann@example.com\n", "\nann@example.com",
		"ann@example.com\r\n", "ann\r\nget bob@example.com", "ann\x1a@example.com", "\xff", "ann\xc3@example.com",
		"ann@example.com\n\n200 ok", "\xed\xa0\x80", "a\x7fb", "\x1b[31m", "\ufeffann@example.com",
	}
}

func pieces() []string {
	return []string{
		// SQL
		"'", "''", "\"", "\\'", "\\", "\\\\", "' or '1'='1", "' or 1=1 --", "\" or \"\"=\"", "'; drop table users; --",
		"') or ('1'='1", "' union select 1 --", "1 or 1=1", "%", "_", "%@%", "a_n", "$1", "?", ":key", "@key", "{key}",
		"$$", "$a$x$a$", "/*", "*/", "--", "#", ";", "e'\\x27'", "x'27'", "0x27", "null", "true", "default", "`", "``",
		"\u02bc", "\uff07", "\u2019", "¿'", "縗'", "ß", "ss", "ı", "é", "e\u0301", "𝒶", "😀", "\u200b", "\u202e",
		// LDAP
		"*", "**", "a*", "*)(uid=*", "*)(|(uid=*", ")(", "(", ")", "\\2a", "\\28", "(&(a=b))", "|(a=b)", "!(a=b)",
		"cn=admin,dc=example,dc=com", ",", "+", "=", "a=b", "<sid=1>",
		// Redis, JSON, HTTP
		"*1", "$4", "flushall", "{a}", "[a-z]*", "?nn", "{\"a\":1}", "\":1,\"", "../", "../../etc/passwd", "/", "//", "%2f", "%00",
		"%0d%0a", "?a=b", "&a=b", "#x", "http://x", "a:b@c", "..", ".", "+", "%",
		// programs and line protocols
		"%s", "%n", "%d%d%d", "${key}", "$(id)", "`id`", "|id", "&&id", ";id", ">x", "5:hello,", "200 ok", "get x", "get%20x",
		"%20", " ", "  ", "a b", "a\tb", "~", "^", "$", ".*", "[", "]", "{{.}}", "{%x%}", "<!--", "<script>", "&lt;",
	}
}

func unique(keys []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, k := range keys {
		if k = strings.ToLower(k); !seen[k] {
			seen[k] = true
			out = append(out, k)
		}
	}
	return out
}
