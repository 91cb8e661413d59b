// Package archtest holds the shape of the house by tests: which floor may import
// which, what the pure core may not touch, that every package says what it is
// for, how long a function may be, and that docs/flow.md names symbols that
// exist. It has no code of its own.
package archtest
