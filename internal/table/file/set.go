package file

import (
	"context"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/postroad/postroad/internal/table"
)

// Definition of a table, as the configuration has it.
type Definition struct {
	Name    string
	Content table.Resident // not nil: it stands in the configuration; no file is read
	Remote  table.Source   // not nil: it is asked; no file is read
	Path    string         // to open
	Shown   string         // the path as written, for answers and problems
	Format  string
	Timeout time.Duration // longest wait for the file to yield something; 0: 5s
	// Check says why content that was read may not be taken, or nil. It may change
	// its mind: the file is looked at again. It may be called by several goroutines.
	Check func(table.Resident) error
}

// Files is the machine's files, or a test's.
type Files interface {
	Open(path string) (fs.File, error)
	Stat(path string) (fs.FileInfo, error)
}

// Options of a Set. Zero fields take the defaults.
type Options struct {
	Log         *slog.Logger  // none
	Every       time.Duration // between two looks at a file: 1s
	Settle      time.Duration // a file in place of another must have been left alone for so long: 250ms
	SettleEmpty time.Duration // the same for one that is empty now and was not before: 30s
	Files       Files         // the machine's
	Changed     func()        // called when the view has a new version; it may not block
	// Previous is the set of the configuration before: contents of files that did
	// not change are taken over, and a table that cannot be read now keeps them.
	Previous *Set
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Changed == nil {
		o.Changed = func() {}
	}
	if o.Every == 0 {
		o.Every = time.Second
	}
	if o.Settle == 0 {
		o.Settle = 250 * time.Millisecond
	}
	if o.SettleEmpty == 0 {
		o.SettleEmpty = 30 * time.Second
	}
	if o.Files == nil {
		o.Files = disk{}
	}
	return o
}

// disk is the machine's files. Opening does not block on a named pipe.
type disk struct{}

func (disk) Open(path string) (fs.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

func (disk) Stat(path string) (fs.FileInfo, error) { return os.Stat(path) }

// Set is the tables of one configuration with their current versions. It is
// safe for several goroutines.
type Set struct {
	opts   Options
	tables []*watched // of files only
	view   atomic.Pointer[table.View]
	mu     sync.Mutex // orders changes of view
}

// Open reads all files side by side and gives the set in which those that could
// not be read are unavailable. It returns within the longest timeout of a stalled
// file, or when ctx ends. What the previous set has read and still looks the same is
// not read; where its file was fresh then, Run looks whether it has changed since.
func Open(ctx context.Context, defs []Definition, opts Options) *Set {
	s := &Set{opts: opts.withDefaults()}
	view := make(table.View, len(defs))
	for i, d := range defs {
		view[i] = table.Version{Name: d.Name, Content: d.Content, Remote: d.Remote}
		if d.Content == nil && d.Remote == nil {
			w := &watched{def: d, index: i, set: s, source: newSource()}
			w.inherit(opts.Previous)
			view[i].Content = w.content
			s.tables = append(s.tables, w)
		}
	}
	s.view.Store(&view)
	s.each(func(w *watched) {
		w.opening = true
		w.poll(ctx)
		w.opening = false
	})
	return s
}

// each runs f for every file table side by side and waits for all.
func (s *Set) each(f func(*watched)) {
	var wg sync.WaitGroup
	for _, w := range s.tables {
		wg.Go(func() { f(w) })
	}
	wg.Wait()
}

// View gives the current versions, to be pinned by a transaction. It is not to
// be changed.
func (s *Set) View() table.View { return *s.view.Load() }

// Run looks after the files until ctx ends.
func (s *Set) Run(ctx context.Context) {
	s.each(func(w *watched) {
		tick := time.NewTicker(s.opts.Every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				w.poll(ctx)
			}
		}
	})
}

// replace puts a new version into the view.
func (s *Set) replace(index int, v table.Version) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := append(table.View(nil), s.View()...)
	next[index] = v
	s.view.Store(&next)
	s.opts.Changed()
}

// Status of one table, for metrics and the console.
type Status struct {
	Name     string
	Path     string
	Format   string
	Entries  int
	Loaded   time.Time // when the present content was read; zero: never
	Changed  time.Time // when the file of the present content was written
	Loads    int       // contents taken since the start
	Failures int       // changes of the file, or of its troubles, that were refused
	Err      error     // why the present file is not the present content; nil: it is
}

// Status gives the state of all tables that are files, in order.
func (s *Set) Status() []Status {
	out := make([]Status, 0, len(s.tables))
	for _, w := range s.tables {
		out = append(out, w.state())
	}
	return out
}
