// Package config reads HCL into a validated, immutable Config: the rules that
// decide compiles, the definitions of listeners, transports, resolvers,
// retry profiles, directories and tables, each with its source range.
//
// Load goes in five steps: read the files, parse them, note all names, decode every
// block by the schema (schema*.go, which is data), build and cross-check. Values are
// read from the syntax tree, so that every error has its exact place. All errors
// are reported at once, each with file, line, snippet and the nearest known name;
// only broken syntax ends the judgment early, since anything may follow from it.
// What the language knows and the server cannot do yet is told by name.
//
// It opens no socket, starts nothing and reads secrets only when they are first
// needed (Secret.Read). Of the files that a configuration names it reads only the
// cidr tables that grant relay; Missing tells which others are not there.
//
// RFCs: 5321 s4.2 (texts of replies), 5322 s3.6.8 (names of header fields), 3463 s2
// (enhanced status), 5890 (domains).
//
// Failure: Load always gives a Config with its Sources, for rendering; its Snapshot
// is nil when there are errors. No input makes it panic or run without bound.
package config
