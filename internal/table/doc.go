// Package table is the contract of look-ups: a key in, one of three answers out:
// found, not found, try later. "Try later" is never read as "not found".
//
// It holds the contract, the content of tables kept in memory (Resident), and
// the pinned versions of a set of tables (View). The kinds that read files,
// or later ask a network, stand in sub-packages. It knows nothing of rules.
//
// Resident content is immutable and pure. A Source may block up to its context.
package table
