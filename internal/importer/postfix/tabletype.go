package postfix

import (
	"path/filepath"
	"strings"
)

// spec is one "type:name" as main.cf writes it.
type spec struct{ kind, name string }

func (s spec) String() string { return s.kind + ":" + s.name }

// parseSpec reads "hash:/etc/postfix/virtual". proxy: only says who asks. A word
// without a type has kind "".
func parseSpec(word string) spec {
	kind, name, ok := strings.Cut(word, ":")
	if !ok || strings.HasPrefix(word, "/") {
		return spec{name: word}
	}
	if kind == "proxy" {
		return parseSpec(name)
	}
	return spec{kind: kind, name: name}
}

// isIndexed tells types whose text source postmap makes an index of, and the one
// that is read as text.
func (s spec) isIndexed() bool {
	switch s.kind {
	case "hash", "btree", "lmdb", "cdb", "dbm", "sdbm", "texthash":
		return true
	}
	return false
}

// isPattern tells types that are asked for whole keys only.
func (s spec) isPattern() bool { return s.kind == "regexp" || s.kind == "pcre" }

// base is the file name of a source, for the name of what becomes of it.
func (s spec) base() string { return strings.TrimSuffix(filepath.Base(s.name), filepath.Ext(s.name)) }

// inlineEntries reads the inside of inline:{ key=value, { key = value } }.
func inlineEntries(name string) []Entry {
	text, _ := unbraced(name)
	var out []Entry
	for _, item := range items(text) {
		item, _ = unbraced(item)
		key, value, ok := strings.Cut(item, "=")
		if ok {
			out = append(out, Entry{Key: strings.TrimSpace(key), Value: strings.TrimSpace(value)})
		}
	}
	return out
}
