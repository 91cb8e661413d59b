package config

import (
	"cmp"
	"slices"
)

// Severity of a Diagnostic.
type Severity string

// Severities. A configuration with an Error does not load.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Pos is a place in a file. Line and Column count from 1 (columns in characters
// as a person sees them), Byte from 0.
type Pos struct {
	Line   int `json:"line"`
	Column int `json:"column"`
	Byte   int `json:"byte"`
}

// Range is a part of a file; End is the first place behind it. The zero Range is
// no place.
type Range struct {
	File  string `json:"file"` // relative to the folder of the configuration
	Start Pos    `json:"start"`
	End   Pos    `json:"end"`
}

// Diagnostic is one thing to say about the configuration.
type Diagnostic struct {
	Severity Severity `json:"severity"`
	Range    Range    `json:"range"`
	Summary  string   `json:"summary"`          // one line, without a full stop
	Detail   string   `json:"detail,omitempty"` // more, if there is more to say
	Hint     string   `json:"hint,omitempty"`   // what was probably meant
}

// Diagnostics is all there is to say.
type Diagnostics []Diagnostic

// HasErrors tells whether some are errors.
func (ds Diagnostics) HasErrors() bool {
	return slices.ContainsFunc(ds, func(d Diagnostic) bool { return d.Severity == Error })
}

// Sort puts ds in the order of files and lines, and drops repetitions.
func (ds Diagnostics) Sort() Diagnostics {
	slices.SortStableFunc(ds, func(a, b Diagnostic) int {
		return cmp.Or(
			cmp.Compare(a.Range.File, b.Range.File),
			cmp.Compare(a.Range.Start.Byte, b.Range.Start.Byte),
			cmp.Compare(a.Range.End.Byte, b.Range.End.Byte),
			cmp.Compare(a.Severity, b.Severity),
			cmp.Compare(a.Summary, b.Summary),
		)
	})
	return slices.Compact(ds)
}
