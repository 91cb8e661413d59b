package postfix

import (
	"regexp"
	"strconv"
	"strings"
)

// dialect is how a database spells what a query of Postfix's needs.
type dialect struct {
	driver string
	key    string // the parameter
	local  string // of %s, what comes before the @; all of it where there is none
	domain string // NULL where there is no @
}

// dialects are those of the table types of Postfix, with K for the key.
func dialects() map[string]dialect {
	return map[string]dialect{
		"pgsql": {driver: "postgres", key: "$1::text", local: "nullif(split_part(K, '@', 1), '')", domain: "nullif(split_part(K, '@', 2), '')"},
		"mysql": {driver: "mysql", key: "?", local: "nullif(substring_index(K, '@', 1), '')", domain: "substring(K, nullif(locate('@', K), 0) + 1)"},
		"sqlite": {driver: "sqlite", key: "?", local: "nullif(substr(K, 1, instr(K || '@', '@') - 1), '')",
			domain: "substr(K, nullif(instr(K, '@'), 0) + 1)"},
	}
}

// translated writes a query of mysql_table(5), pgsql_table(5) or sqlite_table(5)
// with a parameter in the place of %s, and with expressions in that of %u and %d.
// It is false where the query has something else, as %1.
func (d dialect) translated(query string) (string, bool) {
	q := translation{dialect: d, text: query}
	if !q.run() || q.uses == 0 {
		return "", false
	}
	out := q.out.String()
	switch {
	case d.driver == "postgres":
		return strings.ReplaceAll(out, "\x00", d.key), true
	case q.uses == 1:
		return strings.ReplaceAll(out, "\x00", d.key), true
	}
	// The key is given once, and has a name where it is needed more often.
	return "with asked as (select " + d.key + " as k) " + strings.ReplaceAll(out, "\x00", "(select k from asked)"), true
}

// firstOf writes several queries as one: each is asked where those before it found
// nothing, as the tables of one parameter are. Each must give one column.
func (d dialect) firstOf(queries []string) (string, bool) {
	out := []string{"with asked as (select " + d.key + " as k)"}
	var rows []string
	for i, text := range queries {
		q := translation{dialect: d, text: strings.TrimRight(text, "; \n\t")}
		if !isOneColumn(text) || !q.run() || q.uses == 0 {
			return "", false
		}
		name := "t" + strconv.Itoa(i+1)
		out = append(out, name+" as ("+strings.ReplaceAll(q.out.String(), "\x00", "(select k from asked)")+")")
		row := "select * from " + name
		for before := range i {
			row += [...]string{" where", " and"}[min(before, 1)] + " not exists (select 1 from t" + strconv.Itoa(before+1) + ")"
		}
		rows = append(rows, row)
	}
	return strings.Join(out, ", ") + " " + strings.Join(rows, " union all "), true
}

// isOneColumn tells a query of one column, as far as can be told without its tables.
func isOneColumn(query string) bool {
	columns := regexp.MustCompile(`(?is)^\s*select\s+(.*?)\s+from\s`).FindStringSubmatch(query)
	return columns != nil && !strings.ContainsAny(columns[1], ",*(")
}

// translation is one query under way. The key is written as NUL.
type translation struct {
	dialect
	text string
	out  strings.Builder
	uses int
}

func (q *translation) run() bool {
	for i := 0; i < len(q.text); {
		switch c := q.text[i]; {
		case c == '\'' || c == '"' && q.driver == "mysql":
			end := strings.IndexByte(q.text[i+1:], c)
			if end < 0 || !q.literal(q.text[i+1:i+1+end]) {
				return false
			}
			i += end + 2
		case c == '%':
			expression, ok := q.placeholder(q.text[i:])
			if !ok {
				return false
			}
			q.out.WriteString(expression)
			i += 2
		default:
			q.out.WriteByte(c)
			i++
		}
	}
	return true
}

// placeholder gives the expression for what stands behind a "%".
func (q *translation) placeholder(s string) (string, bool) {
	if len(s) < 2 {
		return "", false
	}
	expression := map[byte]string{'s': "K", 'u': q.local, 'd': q.domain}[s[1]|0x20]
	q.uses += strings.Count(expression, "K")
	return strings.ReplaceAll(expression, "K", "\x00"), expression != ""
}

// literal writes a text in quotes, joined of its parts.
func (q *translation) literal(s string) bool {
	if strings.Contains(s, "\\") {
		return false // an escape of one of the databases
	}
	var parts []string
	plain := ""
	flush := func() {
		if plain != "" {
			parts = append(parts, "'"+plain+"'")
		}
		plain = ""
	}
	for i := 0; i < len(s); i++ {
		switch {
		case strings.HasPrefix(s[i:], "%%"):
			plain += "%"
			i++
		case s[i] == '%':
			expression, ok := q.placeholder(s[i:])
			if !ok {
				return false
			}
			flush()
			parts = append(parts, expression)
			i++
		default:
			plain += string(s[i])
		}
	}
	flush()
	switch {
	case len(parts) == 0:
		q.out.WriteString("''")
	case len(parts) == 1:
		q.out.WriteString(parts[0])
	case q.driver == "mysql":
		q.out.WriteString("concat(" + strings.Join(parts, ", ") + ")")
	default:
		q.out.WriteString("(" + strings.Join(parts, " || ") + ")")
	}
	return true
}
