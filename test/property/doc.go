// Package property holds the promise that an explanation is the delivery: it
// generates configurations and envelopes, asks `postroad route --json` what will
// become of each, sends it through a running server into captures, and compares
// recipients, sender, transport, next hop, copies and refusal codes.
//
// The captures and the sending client are the lab's or this package's own and
// share no code with the server.
package property
