package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/postroad/postroad/internal/server"
)

// stopWithin is how long sessions and attempts under way may take when the server
// is told to stop. Supervisors kill after 90 seconds and more.
const stopWithin = 60 * time.Second

type serveVerb struct {
	configured
}

// Run serves until it is told to stop: by SIGTERM or SIGINT; SIGHUP reloads.
func (v serveVerb) Run(w *world) error {
	s := server.New(server.Options{ConfigPath: v.Config, Version: version(), Output: w.stderr})
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	if err := s.Start(w.ctx); err != nil {
		return err
	}
	for {
		select {
		case <-hangup:
			s.Reload(w.ctx) // tells the log how it went
		case <-w.ctx.Done():
			return stop(s)
		}
	}
}

func stop(s *server.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	err := s.Stop(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil // what was cut stays in the queue, and the log has told
	}
	return err
}
