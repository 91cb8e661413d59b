// Package file reads tables from files and watches them: Parse turns a file of
// one of the formats into table.Resident content, Set keeps the pinned versions
// of all tables of a configuration and replaces them when files change.
//
// Formats: list (a key a line), map (key, white space, values separated by
// commas), virtual (virtual(5)), transport (transport(5)), cidr (cidr_table(5)),
// regexp (regexp_table(5), as far as RE2 goes), csv (first column the key), and
// cdb and lmdb as postmap(1) makes them, read whole as all others are.
// Keys are kept in the form of table.Key. An Answer names the line from which it
// comes ("aliases:12"). It does not know what a value means to a rule.
//
// Failure: a file is taken whole or not at all. Every problem of a file is told
// with its line. A file that never could be read makes a Version without
// Content, so that every key is "try later"; one that breaks, vanishes or stalls
// later leaves the content that was there. A stalled read never holds up Open or
// Run for longer than the table's timeout: its goroutine is abandoned, and no
// second one is started for that table before the first has ended.
package file
