// Package restart replaces a running server by its successor under load: no
// client may find the port closed, no session may break in a transaction, and
// what was answered 250 arrives.
package restart
