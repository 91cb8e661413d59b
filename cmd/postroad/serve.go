package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/postroad/postroad/internal/server"
)

// stopWithin is how long sessions and attempts under way may take when the server
// is told to stop. Supervisors kill after 90 seconds and more.
const stopWithin = 60 * time.Second

type serveVerb struct {
	configured
}

// Run serves until it is told to stop: by SIGTERM or SIGINT; SIGHUP reloads,
// SIGUSR2 restarts.
func (v serveVerb) Run(w *world) error {
	sockets, err := server.Inherit()
	if err != nil {
		return err
	}
	defer sockets.Close()
	s := server.New(server.Options{ConfigPath: v.Config, Version: version(), Output: w.stderr, Listen: sockets.Listen})
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGHUP, syscall.SIGUSR2)
	defer signal.Stop(told)
	go server.HoldMemory(w.ctx)
	if err := s.Start(w.ctx); err != nil {
		return err
	}
	if unused := sockets.Close(); len(unused) > 0 {
		s.Log().Warn("sockets that no listener of the configuration wants are closed", "addresses", unused)
	}
	notify(s, daemon.SdNotifyReady)
	for {
		select {
		case sig := <-told:
			if sig == syscall.SIGHUP {
				s.Reload(w.ctx) // tells the log how it went
				continue
			}
			s.Log().Info("restarting")
			serves, err := restart(s, v.Config)
			if !serves {
				return err
			}
			s.Log().Error("the restart is refused, the server goes on as before", "error", err)
		case <-w.ctx.Done():
			notify(s, daemon.SdNotifyStopping)
			return stop(s)
		}
	}
}

// notify tells systemd, where it started us.
func notify(s *server.Server, state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		s.Log().Warn("systemd cannot be told", "state", state, "error", err)
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
