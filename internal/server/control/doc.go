// Package control is the conversation between the command line and a running
// server: HTTP over a Unix socket in the data folder, which only the owner may
// open. Handler is the server's end, Client the command line's.
//
// It carries questions and actions and holds no logic of its own: what they mean
// stands behind Backend. Lists are streamed, an object a line, so that a queue
// of a million is never held in memory.
//
// RFCs: 9110.
//
// Failure: ErrNotRunning when nobody answers; whatever the server says no to
// comes back as *Refused with the server's own text.
package control
