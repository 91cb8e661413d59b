// Package server wires the house: it reads the configuration, opens the spool,
// starts queue, sessions, console and control socket, and is the only place
// that knows all of them. New, Start, Reload, Drain and Stop are its life; tests
// run it in process.
//
// It holds no logic of its own: what it does between the rooms is order. A reload
// makes a new generation (configuration and tables, pinned together by a
// transaction) or changes nothing; sockets that stay in the configuration stay
// open, a new definition of a listener is seen by new connections only, and the
// data folder cannot change.
//
// Failure: Start either gives a server that serves or undoes what it did. A
// reload that fails is returned, logged and counted, and the generation before
// it goes on.
package server
