// Package property holds the promise that an explanation is the delivery: it
// generates configurations and envelopes, asks `postroad route --json` what will
// become of each, sends it through a running server into captures, and compares
// recipients, sender, every octet of the message, transport, next hop, copies and
// refusal codes. What comes in again, at another tenant or for the members of a
// list, is compared as what came in first.
//
// The captures and the sending client are the lab's or this package's own and
// share no code with the server; what a message should look like is made from the
// letter and the edits of the explanation alone.
//
// TestIsolation judges random mail by random configurations with tenants: no
// decision changes that is not of the tenant whose block does.
package property
