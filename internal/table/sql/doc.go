// Package sql asks databases: PostgreSQL, MySQL with MariaDB, and SQLite. One
// query with one parameter, the key; a row is found, the columns of all rows
// are the values, those that are NULL or empty left out.
//
// The key is always a parameter of the wire protocol (or of SQLite's binding)
// and never a part of the query's text, so that nothing in it can be read as SQL.
// Sessions are read only. It neither caches nor limits itself: table/remote does.
//
// Failure: what the database does not answer is "try later"; an error that is
// about the key (SQLSTATE class 22, a character set) says so, since others may be
// asked. A key that cannot be a text of the database, not UTF-8 or with a NUL
// in PostgreSQL, is "not found" without asking. The data source name is read at
// each new connection and never part of an error.
package sql
