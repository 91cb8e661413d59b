package decide

import (
	"strconv"
	"strings"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/table"
)

// attributes of one block of a test's rules.
type attributes struct {
	values map[string]string
	match  Matchers
}

// noSource marks a table that is asked by Needs.
type noSource struct{ table.Source }

func (w *world) attributes(list []string) attributes {
	a := attributes{values: map[string]string{}, match: Matchers{ClientTable: NoTable}}
	for _, word := range list {
		if inner, ok := strings.CutPrefix(word, "except("); ok {
			e := w.attributes(words(strings.TrimSuffix(inner, ")")))
			a.match.Except = append(a.match.Except, e.match)
			continue
		}
		key, value, ok := strings.Cut(word, "=")
		if !ok {
			continue
		}
		a.values[key] = value
		w.matcher(&a.match, key, value)
	}
	return a
}

func (w *world) matcher(m *Matchers, key, value string) {
	list := strings.Split(value, ",")
	switch key {
	case "recipient":
		m.Recipient = w.patterns(list)
	case "original":
		m.Original = w.patterns(list)
	case "sender":
		m.Sender = w.patterns(list)
	case "helo":
		m.Helo = w.patterns(list)
	case "client":
		if strings.HasPrefix(value, "table.") {
			m.ClientTable = w.id(value)
			return
		}
		m.Client = prefixes(list)
	case "login":
		for _, l := range list {
			dir, name, _ := strings.Cut(l, "/")
			m.Login = append(m.Login, LoginPattern{Directory: dir, Name: name})
		}
	case "certificate":
		m.Certificate = list
	case "listener":
		m.Listener = list
	case "tls":
		b := value == "yes"
		m.TLS = &b
	case "tag":
		m.Tag = list
	case "header":
		for _, h := range list {
			name, glob, _ := strings.Cut(h, ":")
			m.Header = append(m.Header, HeaderPattern{Name: name, Glob: strings.TrimSpace(glob)})
		}
	case "size":
		for _, s := range list {
			digits := strings.TrimLeft(s, "<>=")
			n, _ := strconv.ParseInt(digits, 10, 64)
			m.Size = append(m.Size, SizePattern{Op: s[:len(s)-len(digits)], Bytes: n})
		}
	case "percent":
		p, _ := strconv.ParseFloat(value, 64)
		m.Percent = &p
	}
}

func (w *world) patterns(list []string) []Pattern {
	var out []Pattern
	for _, s := range list {
		out = append(out, w.pattern(s))
	}
	return out
}

func (w *world) pattern(s string) Pattern {
	switch {
	case s == "*":
		return Pattern{Kind: PatternAny}
	case s == "<>":
		return Pattern{Kind: PatternNull}
	case strings.HasPrefix(s, "table."):
		return Pattern{Kind: PatternTable, Table: w.id(s)}
	case strings.HasPrefix(s, "."):
		return Pattern{Kind: PatternSubdomain, Domain: mail.Domain(s[1:])}
	case strings.HasSuffix(s, "@"):
		return Pattern{Kind: PatternLocal, Local: s[:len(s)-1]}
	case strings.Contains(s, "@"):
		a := address(s)
		return Pattern{Kind: PatternAddress, Local: strings.ToLower(a.Local), Domain: a.Domain}
	}
	return Pattern{Kind: PatternDomain, Domain: mail.Domain(s)}
}

func (a attributes) word(key string) string { return a.values[key] }

func (a attributes) list(key string) []string {
	if a.values[key] == "" {
		return nil
	}
	return strings.Split(a.values[key], ",")
}

func (a attributes) number(key string) int {
	n, _ := strconv.Atoi(a.values[key])
	return n
}

func (a attributes) flag(key string) *bool {
	v, ok := a.values[key]
	if !ok {
		return nil
	}
	b := v == "yes"
	return &b
}

// reply is "550 5.7.1 text".
func (a attributes) reply() mail.Reply {
	code, rest, _ := strings.Cut(a.values["reply"], " ")
	status, text, _ := strings.Cut(rest, " ")
	n, _ := strconv.Atoi(code)
	return mail.Reply{Code: n, Enhanced: status, Text: text}
}
