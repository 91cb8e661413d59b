// Package load sends mail to a server that is about to be killed, and keeps the
// ledger of what it answered: each message has an id and a digest, so that what
// arrives later tells what was lost, altered and delivered twice.
//
// It is for tests of durability: it measures nothing, and judges no protocol
// (internal/lab does). A connection that breaks is opened anew until the context
// ends; what was not answered 250 is not in the ledger.
package load
