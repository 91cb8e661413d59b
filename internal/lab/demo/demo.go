package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/explain"
	"github.com/postroad/postroad/internal/server"
	"github.com/postroad/postroad/internal/server/control"
)

// Options of the demo.
type Options struct {
	Config  string // examples/demo.hcl; "": that file, or the one in the binary
	Version string
	Output  io.Writer
	Palette explain.Palette
	Once    bool // end after the tour
}

// demo is one run.
type demo struct {
	opts   Options
	config *config.Config
	world  *world
	server *server.Server
	client *control.Client
	log    *os.File
	smtp   string // address of the server
}

const stopTimeout = 10 * time.Second

// Run starts the small internet and the server, makes the tour and, unless it is
// to end there, stays until ctx ends. Errors are for people.
func Run(ctx context.Context, o Options) error {
	d := &demo{opts: o}
	err := d.start(ctx)
	if err == nil {
		err = d.show(ctx)
	}
	return errors.Join(err, d.stop())
}

func (d *demo) start(ctx context.Context) error {
	path, err := configuration(d.opts.Config)
	if err != nil {
		return err
	}
	d.opts.Config = path
	c, diags := config.Load(path, config.Options{Serving: true})
	if diags.HasErrors() {
		return &server.InvalidConfig{Diagnostics: diags, Sources: c.Sources}
	}
	d.config, d.smtp = c, c.Listeners[0].Bind[0]
	// The hosts come first: where they have their addresses no other demo runs, and
	// its data folder is not in use.
	if d.world, err = newWorld(c); err != nil {
		return err
	}
	if err := freshFolder(c.Data); err != nil {
		return err
	}
	if d.log, err = os.Create(d.logPath()); err != nil {
		return err
	}
	s := server.New(server.Options{ConfigPath: path, Version: d.opts.Version, Output: d.log, Roots: d.world.lab.CA.Pool()})
	if err := s.Start(ctx); err != nil {
		return busy(err)
	}
	d.server, d.client = s, control.NewClient(s.DataFolder())
	return nil
}

func (d *demo) logPath() string { return filepath.Join(d.config.Data, "postroad.log") }

// stop ends what was started.
func (d *demo) stop() error {
	var errs []error
	if d.server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		errs = append(errs, d.server.Stop(ctx))
	}
	if d.world != nil {
		errs = append(errs, d.world.lab.Close())
	}
	if d.log != nil {
		errs = append(errs, d.log.Close())
	}
	return errors.Join(errs...)
}

// show is the tour, and what comes after it.
func (d *demo) show(ctx context.Context) error {
	d.introduce()
	stops := tour()
	for i, s := range stops {
		err := d.visit(ctx, i+1, len(stops), s)
		if ctx.Err() != nil {
			return nil // Ctrl-C
		}
		if err != nil {
			return fmt.Errorf("demo: stop %d, %s: %w", i+1, s.title, err)
		}
	}
	if v := d.world.lab.Violations(); len(v) > 0 {
		return fmt.Errorf("demo: the hosts saw breaches of SMTP: %q", v)
	}
	d.printf("All %d messages went where the explanation had said.\n", len(stops))
	if d.opts.Once {
		return nil
	}
	d.invite()
	d.follow(ctx)
	return nil
}

func (d *demo) printf(format string, args ...any) { fmt.Fprintf(d.opts.Output, format, args...) }
