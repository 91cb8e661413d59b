package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/table"
)

// earlyFields are the conditions that can be told when the recipient is given.
func earlyFields() []field {
	return slices.DeleteFunc(matcherFields(), func(f field) bool {
		return slices.Contains([]string{"tag", "header", "size", "percent"}, f.name)
	})
}

func rewriteSpec() *blockSpec {
	except := exceptSpec()
	except.fields = earlyFields()
	fields := append(earlyFields(),
		field{name: "map", typ: typeRenames, required: true, doc: "What becomes of which address. Keys are patterns, asked as those of a table: the address, without its subaddress, the domain, its parents with their dot, the local part with its @, `*`. A value is an address, or a domain, which keeps the local part. Keys and values of a table may write a domain as `@domain`.", example: `{ "old.example" = "new.example", "boss@example.com" = "ann@example.com" }`},
		field{name: "envelope", typ: typeWords, words: []string{"sender", "recipient"}, def: `["sender"]`, doc: "Which addresses of the envelope change: `sender`, `recipient`. The null sender never does.", example: `["sender", "recipient"]`},
		field{name: "headers", typ: typeTexts, doc: "Header fields whose addresses change. Nothing else in the message does.", example: `["From", "Sender", "Reply-To"]`},
		field{name: "when", typ: typeWord, words: []string{"arriving", "leaving"}, def: `"arriving"`, doc: "`arriving`: as the mail comes in, before aliases. `leaving`: for each final recipient in a foreign domain, before the routes are asked.", example: `"leaving"`})
	return &blockSpec{name: "rewrite", fields: fields, inner: []*blockSpec{except},
		doc: "Changes addresses of the envelope and of the header. All rules that hold are obeyed in file order, each on what the ones before it left."}
}

// renames is the value of `map`.
type renames struct {
	list   []decide.Mapping
	places []text // of keys and values
	table  decide.TableID
}

func (l *loader) renames(e hclsyntax.Expression) (renames, bool) {
	m := renames{table: decide.NoTable}
	if isReference(e) {
		var ok bool
		m.table, ok = l.table(e, "map")
		return m, ok
	}
	o, is := plainExpr(e).(*hclsyntax.ObjectConsExpr)
	if !is {
		l.expected(e, `an object, as { "old.example" = "new.example" }, or a table`)
		return m, false
	}
	entries, ok := l.object(o, table.Key)
	for _, en := range entries {
		value, good := l.text(en.value)
		if !good {
			return m, false
		}
		key, err := renameKey(en.key.s)
		if err != nil {
			l.errorf(en.key.at, "%v", err)
			ok = false
		} else if err := checkRename(key, value.s); err != nil {
			l.errorf(value.at, "%v", err)
			ok = false
		}
		m.list = append(m.list, decide.Mapping{Key: key, To: value.s, Source: where(en.key.at)})
		m.places = append(m.places, text{key, en.key.at}, value)
	}
	if ok && len(m.list) == 0 {
		l.errorf(e.Range(), "an empty map changes nothing")
		ok = false
	}
	return m, ok
}

// renameKey gives a pattern as tables have it.
func renameKey(s string) (string, error) {
	p, err := parsePattern(s)
	if err != nil {
		return "", err
	}
	switch p.Kind {
	case decide.PatternNull:
		return "", fmt.Errorf("the null sender is never rewritten")
	case decide.PatternSubdomain:
		return "." + string(p.Domain), nil
	case decide.PatternDomain:
		return string(p.Domain), nil
	case decide.PatternAny:
		return "*", nil
	case decide.PatternLocal:
		return p.Local + "@", nil
	}
	return mail.Address{Local: p.Local, Domain: p.Domain}.Key(), nil
}

// checkRename holds a value against its key: an address does not become a bare
// word, which might mean a domain or a local part.
func checkRename(key, value string) error {
	name, isDomain := strings.CutPrefix(value, "@")
	if !isDomain && strings.Contains(value, "@") {
		_, err := mail.ParseAddress(value)
		return patternErrorOf(value, "address", err)
	}
	if !isDomain && strings.Contains(key, "@") {
		return fmt.Errorf("%q is no address; another domain for the same local part is written %q", value, "@"+value)
	}
	_, err := parseDomain(name)
	return err
}

func patternErrorOf(s, what string, err error) error {
	if err == nil {
		return nil
	}
	return errUnit(s, what)
}

// words reads a list of the words of a field.
func (l *loader) words(f *field, e hclsyntax.Expression) ([]string, bool) {
	return each(items(e), func(e hclsyntax.Expression) (string, bool) { return l.word(f, e) })
}

// buildRewrites builds the rewrite rules.
func (l *loader) buildRewrites(rules *decide.Rules) {
	for _, b := range l.blocks["rewrite"] {
		m := get[renames](b, "map")
		r := decide.Rewrite{Ref: refOf(b), Tenant: b.tenant, Match: l.matchers(b), Map: m.list, Table: m.table, Leaving: get[string](b, "when") == "leaving"}
		for _, part := range get[[]string](b, "envelope") {
			r.Sender = r.Sender || part == "sender"
			r.Recipient = r.Recipient || part == "recipient"
		}
		for _, t := range get[[]text](b, "headers") {
			l.addressField(t)
			r.Headers = append(r.Headers, t.s)
		}
		l.ownNames(b, m.places)
		if !r.Sender && !r.Recipient && len(r.Headers) == 0 && !b.bad {
			l.errorf(b.at, "rewrite %q changes neither envelope nor header", b.name)
		}
		rules.Rewrites = append(rules.Rewrites, r)
	}
}

// ownNames holds what a tenant's rewriting is about, and what it makes of that,
// against the domains of others. Those of tables are held when mail comes.
func (l *loader) ownNames(b *block, names []text) {
	for _, name := range names {
		if b.tenant == "" {
			return
		}
		_, rest, has := strings.Cut(name.s, "@")
		if !has {
			rest = strings.TrimPrefix(name.s, ".")
		}
		domain, err := mail.ParseDomain(rest)
		if d := l.declared["domain"][string(domain)]; err == nil && d != nil && d.block != nil && d.block.tenant != b.tenant {
			l.reaches(b, name.at, "map has "+name.s+", and "+string(domain)+" belongs to "+owner(d.block.tenant))
		}
	}
}

// addressField refuses what is no field of addresses: traces, which nobody may
// change (RFC 5321 s4.4), identifiers and signatures.
func (l *loader) addressField(t text) {
	if _, err := parseHeader(t.s, ""); err != nil {
		l.errorf(t.at, "%v", err)
		return
	}
	name := strings.ToLower(t.s)
	other := []string{"received", "return-path", "delivered-to", "x-original-to", "message-id", "in-reply-to", "references",
		"resent-message-id", "content-id", "date", "subject", "dkim-signature", "authentication-results"}
	if slices.Contains(other, name) || strings.HasPrefix(name, "arc-") || strings.HasPrefix(name, "x-postroad-") {
		l.errorf(t.at, "%s is no field of addresses", t.s).detail("those are From, Sender, Reply-To, To, Cc, Bcc, their Resent- forms and the like")
	}
}
