package config

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
)

// note is a diagnostic being written; its methods add to it.
type note struct{ *Diagnostic }

// detail adds a line of detail.
func (n note) detail(format string, args ...any) note {
	if n.Detail != "" {
		n.Detail += "\n"
	}
	n.Detail += fmt.Sprintf(format, args...)
	return n
}

// hint says what was probably meant; "" says nothing.
func (n note) hint(text string) note {
	n.Hint = text
	return n
}

// errorf notes an error.
func (l *loader) errorf(at hcl.Range, format string, args ...any) note {
	l.errors++
	return l.say(Error, at, fmt.Sprintf(format, args...))
}

// warnf notes a warning.
func (l *loader) warnf(at hcl.Range, format string, args ...any) note {
	return l.say(Warning, at, fmt.Sprintf(format, args...))
}

func (l *loader) say(s Severity, at hcl.Range, summary string) note {
	d := &Diagnostic{Severity: s, Range: rangeOf(at), Summary: summary}
	l.diags = append(l.diags, d)
	return note{d}
}

// notBuilt notes what the language knows and the server does not do yet.
func (l *loader) notBuilt(at hcl.Range, format string, args ...any) {
	l.errorf(at, "%s is not built yet", fmt.Sprintf(format, args...))
}

// addHCL notes what HCL's own parser found.
func (l *loader) addHCL(d *hcl.Diagnostic) {
	at := hcl.Range{}
	if d.Subject != nil {
		at = *d.Subject
	}
	if d.Severity == hcl.DiagWarning {
		l.warnf(at, "%s", d.Summary).detail("%s", d.Detail)
		return
	}
	l.errorf(at, "%s", d.Summary).detail("%s", d.Detail)
}

func rangeOf(r hcl.Range) Range {
	return Range{File: r.Filename, Start: posOf(r.Start), End: posOf(r.End)}
}

func posOf(p hcl.Pos) Pos { return Pos{Line: p.Line, Column: p.Column, Byte: p.Byte} }

// where is a place as rules and log lines name it: "postroad.hcl:31".
func where(at hcl.Range) string { return fmt.Sprintf("%s:%d", at.Filename, at.Start.Line) }
