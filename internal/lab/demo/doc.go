// Package demo is `postroad demo`: a small internet made of the lab, the real
// server with examples/demo.hcl in the middle of it, and a tour of messages, each
// told before it is sent (by the running server, as `postroad route --live` does)
// and held against what then arrived.
//
// It knows nothing of how mail is decided: what it prints is the explanation's
// own tree. Addresses and ports come from the configuration, so that the file and
// the internet around it cannot disagree.
//
// Failure: Run returns an error when an address is taken, when the server does not
// start, and when a message goes another way than was told, which no
// configuration should bring about.
package demo
