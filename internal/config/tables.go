package config

import (
	"context"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/table"
	"github.com/postroad/postroad/internal/table/file"
	"github.com/postroad/postroad/internal/table/inline"
)

// inlineEntries is the value of `entries`.
type inlineEntries struct {
	list     []inline.Entry
	keysOnly bool
}

func (l *loader) entries(e hclsyntax.Expression) (inlineEntries, bool) {
	o, is := plainExpr(e).(*hclsyntax.ObjectConsExpr)
	if !is {
		return l.keySet(e)
	}
	var out inlineEntries
	entries, ok := l.object(o, table.Key)
	for _, en := range entries {
		values, good := l.texts(en.value)
		ok = ok && good
		add := inline.Entry{Key: en.key.s, Source: where(en.key.at)}
		for _, v := range values {
			add.Values = append(add.Values, v.s)
		}
		out.list = append(out.list, add)
	}
	return out, ok
}

func (l *loader) keySet(e hclsyntax.Expression) (inlineEntries, bool) {
	out := inlineEntries{keysOnly: true}
	if _, is := plainExpr(e).(*hclsyntax.TupleConsExpr); !is {
		l.expected(e, "a list of keys or an object")
		return out, false
	}
	keys, ok := l.texts(e)
	for _, k := range keys {
		out.list = append(out.list, inline.Entry{Key: k.s, Source: where(k.at)})
	}
	return out, ok
}

// buildTables builds the tables. Those that are not built yet keep their place, so
// that every TableID leads somewhere.
func (l *loader) buildTables(rules *decide.Rules) {
	rules.Tables = make([]decide.TableInfo, len(l.tableIDs))
	l.config.Tables = make([]*Table, len(l.tableIDs))
	for name, id := range l.tableIDs {
		rules.Tables[id].Name = name
		if b := l.declared["table"][name].block; b != nil {
			rules.Tables[id].Tenant = b.tenant
		}
		l.config.Tables[id] = &Table{Name: name}
	}
	for _, b := range l.blocks["table"] {
		t := l.tableOf(b)
		l.config.Tables[l.tableIDs[b.name]] = t
		info := &rules.Tables[l.tableIDs[b.name]]
		info.Source, info.Format = b.source(), t.Format
		if !isFile(t.Kind) {
			info.Format = t.Kind
		}
	}
}

func (l *loader) tableOf(b *block) *Table {
	t := &Table{Name: b.name, Source: b.source(), Kind: b.kind.name}
	if t.Kind == "inline" {
		set := get[inlineEntries](b, "entries")
		t.Content = inline.New(set.list)
		t.Entries = make(map[string][]string, len(set.list))
		for _, e := range set.list {
			t.Entries[table.Key(e.Key)] = e.Values
		}
		return t
	}
	if !isFile(t.Kind) {
		t.Remote = l.remote(b)
		return t
	}
	p := get[filePath](b, "path")
	t.Path, t.Shown = p.path, p.written
	t.Format, t.Timeout = formatOf(b), get[time.Duration](b, "timeout")
	l.positive(b, "timeout")
	l.needFile(b, "path", p)
	return t
}

// packedKinds are files that a program makes, each a kind and a format of its own.
func packedKinds() []string { return []string{"cdb", "lmdb"} }

func isFile(kind string) bool { return kind == "file" || slices.Contains(packedKinds(), kind) }

// formatOf is how a table's file is read.
func formatOf(b *block) string {
	if b.kind.name == "file" {
		return get[string](b, "format")
	}
	return b.kind.name
}

// Definitions are the tables as file.Open takes them, in the order of
// decide.Rules.Tables; who opens them gives the remote ones their source.
func (c *Config) Definitions() []file.Definition {
	defs := make([]file.Definition, len(c.Tables))
	for i, t := range c.Tables {
		defs[i] = t.definition()
	}
	c.guardRelay(defs)
	return defs
}

func (t *Table) definition() file.Definition {
	return file.Definition{Name: t.Name, Content: t.Content, Path: t.Path, Shown: t.Shown, Format: t.Format, Timeout: t.Timeout}
}

// relayNetworks reads the cidr tables that grant relay, so that what they hold
// now counts when an open relay is looked for.
func (l *loader) relayNetworks(rules *decide.Rules) {
	var ids []decide.TableID
	var defs []file.Definition
	for _, r := range rules.Relay {
		id := r.Match.ClientTable
		if id == decide.NoTable || l.config.Tables[id].Format != "cidr" {
			continue
		}
		ids, defs = append(ids, id), append(defs, l.config.Tables[id].definition())
	}
	for i, v := range file.Open(context.Background(), defs, file.Options{}).View() {
		if n, is := v.Content.(networked); is {
			rules.Tables[ids[i]].Networks = n.Networks()
		}
	}
}
