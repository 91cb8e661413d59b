// Package config reads HCL into a validated, immutable Config: the rules that
// decide compiles, the definitions of listeners, transports, resolvers,
// retry profiles, directories and tables, each with its source range.
//
// It reports all errors at once, each with file, line, snippet and the nearest
// known name. It opens no socket and reads secrets only when first needed. What
// it cannot do yet it says by name.
package config
