package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/server"
)

const (
	// restartWithin is how long sessions and attempts under way may take before
	// they are cut for a restart: new clients wait in the meantime.
	restartWithin = 10 * time.Second
	// restartPatience is how long the verb waits for the successor.
	restartPatience = 2 * time.Minute
)

// restartVerb has the server replaced by the program that is installed now.
type restartVerb struct {
	configured
}

// Run tells the running server to go on as a new process image, once the
// configuration loads in this one, and waits until it serves.
func (v restartVerb) Run(w *world) error {
	conf, ds := config.Load(v.Config, config.Options{})
	if ds.HasErrors() {
		return &server.InvalidConfig{Diagnostics: ds, Sources: conf.Sources}
	}
	client, err := v.client(w)
	if err != nil {
		return err
	}
	before, err := client.Status(w.ctx)
	if err != nil {
		return err
	}
	if err := syscall.Kill(before.PID, syscall.SIGUSR2); err != nil {
		return fmt.Errorf("process %d: %w", before.PID, err)
	}
	ctx, cancel := context.WithTimeout(w.ctx, restartPatience)
	defer cancel()
	for {
		now, err := client.Status(ctx)
		if err == nil && !now.Started.Equal(before.Started) {
			_, err = fmt.Fprintf(w.stdout, "version %s, generation %s, process %d\n", now.Version, now.Generation, now.PID)
			return err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return errors.New("the server did not restart; its log says why")
		}
	}
}

// restart checks that the program which is installed now can take over, ends the
// server and becomes that program, with the sockets on which mail comes in. An
// error with a server that still serves is a refusal.
func restart(s *server.Server, configPath string) (serves bool, err error) {
	self, err := os.Executable()
	if err != nil {
		return true, err
	}
	if out, err := exec.Command(self, "check", "-c", configPath).CombinedOutput(); err != nil {
		return true, fmt.Errorf("%s check: %w: %s", self, err, out)
	}
	legacy, err := s.Legacy()
	if err != nil {
		return true, err
	}
	defer legacy.Close()
	sockets, err := legacy.Environment()
	if err != nil {
		return true, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), restartWithin)
	defer cancel()
	if err := s.Stop(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return false, err
	}
	return false, syscall.Exec(self, os.Args, append(os.Environ(), sockets))
}
