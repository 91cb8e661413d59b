// Package console answers over HTTP what machines ask of a running server:
// /metrics for Prometheus, /healthz and /readyz for supervisors and balancers.
//
// It reads and changes nothing; administration goes over the control socket,
// which stands in server. It listens only where the console block says.
//
// RFCs: 9110 (status codes).
//
// Failure: a health that cannot be told is 503. A console that stops serving
// takes nothing else with it.
package console
