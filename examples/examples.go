// Package examples holds configurations to start from. The files stand on their
// own; Demo is the one of `postroad demo`, for a binary far from its sources.
package examples

import "embed"

// Demo is demo.hcl and the files that it names.
//
//go:embed demo.hcl demo
var Demo embed.FS
