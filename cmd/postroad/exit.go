package main

import (
	"errors"
	"fmt"

	"github.com/postroad/postroad/internal/explain"
	"github.com/postroad/postroad/internal/server"
	"github.com/postroad/postroad/internal/server/control"
)

// Exit statuses (CONFIG.md, "The command line").
const (
	exitDone  = 0
	exitNo    = 1
	exitUsage = 2
	exitLater = 75
)

// statusError is an error that knows its exit status. err nil: everything is
// said already.
type statusError struct {
	status int
	err    error
}

// Error is the error within.
func (e *statusError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.status)
	}
	return e.err.Error()
}

// Unwrap gives the error within.
func (e *statusError) Unwrap() error { return e.err }

// answer is the end of a verb that printed its answer.
func answer(status int) error {
	if status == exitDone {
		return nil
	}
	return &statusError{status: status}
}

// fail tells the error and gives the exit status.
func (w *world) fail(err error) int {
	var s *statusError
	if !errors.As(err, &s) {
		s = &statusError{status: statusOf(err), err: err}
	}
	var invalid *server.InvalidConfig
	switch {
	case errors.As(s.err, &invalid):
		fmt.Fprintf(w.stderr, "%v\npostroad: the configuration does not load\n", invalid)
	case s.err != nil:
		fmt.Fprintf(w.stderr, "postroad: %v\n", s.err)
	}
	return s.status
}

func statusOf(err error) int {
	var refused *control.Refused
	switch {
	case errors.Is(err, explain.ErrUsage), errors.Is(err, control.ErrSelection), errors.Is(err, control.ErrForbidden):
		return exitUsage
	case errors.As(err, &refused) && refused.Usage():
		return exitUsage
	case errors.As(err, &refused) && refused.Later(), errors.Is(err, control.ErrNotRunning), errors.Is(err, control.ErrBrokenOff):
		return exitLater
	}
	return exitNo
}
