package postfix

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// section is a part of the configuration, in the order in which they are written.
type section uint8

const (
	sectionTop section = iota
	sectionDoors
	sectionRelay
	sectionDeny
	sectionDomains
	sectionRewrite
	sectionTransports
	sectionRoutes
	sectionCopies
	sectionTables
	sectionRetry
	sections
)

func (s section) title() string {
	return [...]string{"", "doors", "who may relay", "who is refused", "what is hosted here", "rewriting", "transports", "where mail goes", "copies", "tables", "retries"}[s]
}

// attribute is one line of a block.
type attribute struct{ name, value, from string }

// block is one block of the configuration.
type block struct {
	head       string // `domain "example.com"`; "" is the top level
	from       string
	notes      []string
	attributes []attribute
	inner      []*block // except
}

// set adds an attribute; from is the place from which it comes.
func (b *block) set(name, value, from string) *block {
	b.attributes = append(b.attributes, attribute{name, value, from})
	return b
}

// note adds a line of comment above the block.
func (b *block) note(format string, args ...any) {
	b.notes = append(b.notes, fmt.Sprintf(format, args...))
}

// value is that of an attribute; "" where it is not set.
func (b *block) value(name string) string {
	for _, a := range b.attributes {
		if a.name == name {
			return a.value
		}
	}
	return ""
}

// except adds an except block.
func (b *block) except() *block {
	in := &block{head: "except"}
	b.inner = append(b.inner, in)
	return in
}

func (b *block) write(w *strings.Builder, indent string) {
	for _, n := range b.notes {
		fmt.Fprintf(w, "%s# %s\n", indent, n)
	}
	inside := indent
	if b.head != "" {
		fmt.Fprintf(w, "%s%s {%s\n", indent, b.head, comment(b.from))
		inside += "  "
	}
	width := 0
	for _, a := range b.attributes {
		width = max(width, len(a.name))
	}
	for _, a := range b.attributes {
		fmt.Fprintf(w, "%s%-*s = %s%s\n", inside, width, a.name, a.value, comment(a.from))
	}
	for _, in := range b.inner {
		in.write(w, inside)
	}
	if b.head != "" {
		fmt.Fprintf(w, "%s}\n", indent)
	}
}

func comment(from string) string {
	if from == "" {
		return ""
	}
	return " # " + from
}

// quote writes a text as HCL does, in which ${ and %{ begin templates.
func quote(s string) string {
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(strconv.Quote(s))
}

// quoteList writes a list on one line, or on several when it is long.
func quoteList(list []string) string {
	q := make([]string, len(list))
	width := 0
	for i, s := range list {
		q[i] = quote(s)
		width += len(q[i]) + 2
	}
	if width < 100 {
		return "[" + strings.Join(q, ", ") + "]"
	}
	return "[\n    " + strings.Join(q, ",\n    ") + ",\n  ]"
}

// name makes a name of a block out of any text.
func name(s string) string {
	var b strings.Builder
	for _, c := range strings.ToLower(s) {
		switch {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '-':
			b.WriteRune(c)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "_"):
			b.WriteByte('_')
		}
	}
	out := strings.Trim(b.String(), "_-")
	if out == "" || out[0] >= '0' && out[0] <= '9' {
		out = "to_" + out
	}
	return out
}

// names gives each block of a type a name of its own.
type names map[string]bool

func (n names) take(text string) string {
	base := name(text)
	out := base
	for i := 2; n[out]; i++ {
		out = base + "_" + strconv.Itoa(i)
	}
	n[out] = true
	return out
}

// document is the configuration under way.
type document struct{ parts [sections][]*block }

func (d *document) add(s section, b *block) *block {
	d.parts[s] = append(d.parts[s], b)
	return b
}

func (d *document) text(head []string) string {
	var w strings.Builder
	for _, line := range head {
		w.WriteString(strings.TrimRight("# "+line, " ") + "\n")
	}
	for s, blocks := range d.parts {
		if len(blocks) > 0 && section(s).title() != "" {
			fmt.Fprintf(&w, "\n# --- %s ---\n", section(s).title())
		}
		for _, b := range blocks {
			w.WriteByte('\n')
			b.write(&w, "")
		}
	}
	return w.String()
}

// File is a file beside the configuration.
type File struct {
	Name    string
	Secret  bool // nobody but its owner may read it
	Content string
}

// fileLines makes a text of lines, sorted where their order means nothing.
func fileLines(lines []string, sorted bool) string {
	if sorted {
		slices.Sort(lines)
		lines = slices.Compact(lines)
	}
	return strings.Join(lines, "\n") + "\n"
}
