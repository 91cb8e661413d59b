package config

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxSnippet bounds the part of a line that is shown.
const maxSnippet = 160

// Render writes d for people: place and summary, the source line with the place
// marked under it, detail and hint. sources is Config.Sources; a file that is
// not in it is shown without its line.
func (d Diagnostic) Render(w io.Writer, sources map[string][]byte) error {
	var b strings.Builder
	if d.Range.File != "" {
		fmt.Fprintf(&b, "%s:%d:%d: ", d.Range.File, d.Range.Start.Line, d.Range.Start.Column)
	}
	fmt.Fprintf(&b, "%s: %s\n", d.Severity, printable(d.Summary))
	if src, ok := sources[d.Range.File]; ok {
		d.Range.snippet(&b, src)
	}
	for _, line := range strings.Split(d.Detail, "\n") {
		if line != "" {
			fmt.Fprintf(&b, "       %s\n", printable(line))
		}
	}
	if d.Hint != "" {
		fmt.Fprintf(&b, "       %s\n", printable(d.Hint))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Render writes all of them with an empty line between two.
func (ds Diagnostics) Render(w io.Writer, sources map[string][]byte) error {
	for i, d := range ds {
		if i > 0 {
			if _, err := io.WriteString(w, "\n"); err != nil {
				return err
			}
		}
		if err := d.Render(w, sources); err != nil {
			return err
		}
	}
	return nil
}

// snippet writes the first line of r and marks under it.
func (r Range) snippet(b *strings.Builder, src []byte) {
	if r.Start.Byte > len(src) || r.Start.Byte < 0 {
		return
	}
	begin := bytes.LastIndexByte(src[:r.Start.Byte], '\n') + 1
	end := len(src)
	if i := bytes.IndexByte(src[begin:], '\n'); i >= 0 {
		end = begin + i
	}
	line := bytes.TrimRight(src[begin:end], "\r")
	from := min(r.Start.Byte-begin, len(line))
	to := min(max(r.End.Byte-begin, from+1), len(line))
	if from > maxSnippet/2 { // a very long line: what stands far before does not help
		const dots = "... "
		cut := from - maxSnippet/4
		line = append([]byte(dots), line[cut:]...)
		from, to = from-cut+len(dots), to-cut+len(dots)
	}
	line = line[:min(len(line), maxSnippet)]
	before, marked := line[:min(from, len(line))], line[min(from, len(line)):min(max(to, from), len(line))]
	fmt.Fprintf(b, "%5d | %s\n", r.Start.Line, printable(string(line)))
	fmt.Fprintf(b, "      | %s%s\n", blank(before), strings.Repeat("^", max(1, utf8.RuneCount(marked))))
}

// blank gives white space as wide as text; tabs stay, so that columns agree.
func blank(text []byte) string {
	var b strings.Builder
	for _, r := range string(text) {
		if r == '\t' {
			b.WriteByte('\t')
		} else {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// printable keeps a source from steering the terminal that shows it.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}
