package file

import (
	"context"
	"errors"
	"hash/maphash"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/postroad/postroad/internal/table"
)

// ErrStalled is why a table is unavailable whose file yields nothing.
var ErrStalled = errors.New("reading stalls")

const defaultTimeout = 5 * time.Second

// watched is one file table of a set. poll is called by one goroutine at a time;
// mu guards what Status reads meanwhile.
type watched struct {
	def    Definition
	index  int
	set    *Set
	source *source
	out    chan reading // of the read that has been begun; nil: none

	opening bool // the set is being opened: nobody waits for more than what is needed

	mu       sync.Mutex
	content  table.Resident
	loaded   fs.FileInfo // file of content
	racy     bool        // loaded was still fresh when read: look at it once more
	sum      uint64      // of the file of content, by the seed of source
	refused  fs.FileInfo // last file that was not taken, nil: none
	err      error
	when     time.Time
	loads    int
	failures int
}

// inherit takes over what an older set knows of the same file. The source is
// shared, so that a read that is stuck there is not doubled here.
func (w *watched) inherit(old *Set) {
	if old == nil {
		return
	}
	for _, o := range old.tables {
		if o.def.Path != w.def.Path || o.def.Format != w.def.Format || o.def.Shown != w.def.Shown {
			continue
		}
		o.mu.Lock()
		w.source, w.content, w.loaded, w.racy, w.sum = o.source, o.content, o.loaded, o.racy, o.sum
		w.when, w.loads, w.failures = o.when, o.loads, o.failures
		o.mu.Unlock()
		return
	}
}

// poll looks at the file once. It waits for a read no longer than the timeout;
// a read that did not end is looked for again at the next poll.
func (w *watched) poll(ctx context.Context) {
	if w.out == nil && !w.begin(ctx) {
		return
	}
	if r, ended := w.wait(ctx); ended {
		w.out = nil
		w.take(r)
		return
	}
	w.gaveUp(ctx)
}

// begin starts a look, unless a look of another set at the same file does not
// end.
func (w *watched) begin(ctx context.Context) bool {
	patience := time.NewTimer(w.timeout())
	defer patience.Stop()
	select {
	case w.source.turn <- struct{}{}:
	case <-patience.C:
		w.gaveUp(ctx)
		return false
	case <-ctx.Done():
		w.gaveUp(ctx)
		return false
	}
	w.mu.Lock()
	job := look{def: w.def, opts: w.set.opts, loaded: w.loaded, refused: w.refused, seed: w.source.seed, sum: w.sum, opening: w.opening}
	job.wasFull = w.content != nil && w.content.Len() > 0
	if w.racy {
		job.loaded, job.racy = nil, w.loaded
	}
	w.mu.Unlock()
	out, src := make(chan reading, 1), w.source
	go func() {
		defer func() { <-src.turn }()
		out <- job.run(&src.progress)
	}()
	w.out = out
	return true
}

// gaveUp notes that a read did not end in time.
func (w *watched) gaveUp(ctx context.Context) {
	if err := ctx.Err(); err != nil {
		w.unavailable(err)
		return
	}
	w.failed(nil, ErrStalled)
}

func (w *watched) timeout() time.Duration {
	if w.def.Timeout > 0 {
		return w.def.Timeout
	}
	return defaultTimeout
}

// wait gives the outcome of the read, or ended false when for a whole timeout
// nothing was read.
func (w *watched) wait(ctx context.Context) (r reading, ended bool) {
	tick := time.NewTicker(w.timeout())
	defer tick.Stop()
	seen := w.source.progress.Load()
	for {
		select {
		case r = <-w.out:
			return r, true
		case <-ctx.Done():
			return reading{}, false
		case <-tick.C:
			now := w.source.progress.Load()
			if now == seen {
				return reading{}, false
			}
			seen = now
		}
	}
}

// take acts on the outcome of a look.
func (w *watched) take(r reading) {
	switch {
	case r.err != nil:
		w.failed(r.info, r.err)
	case r.content != nil:
		w.replaced(r)
	case r.same == sameLoaded:
		w.recovered(r.racy)
	}
}

func (w *watched) replaced(r reading) {
	w.mu.Lock()
	w.content, w.loaded, w.racy, w.sum, w.refused, w.err = r.content, r.info, r.racy, r.sum, nil, nil
	w.when = time.Now()
	w.loads++
	w.mu.Unlock()
	w.set.replace(w.index, table.Version{Name: w.def.Name, Content: r.content})
	w.set.opts.Log.Info("table loaded", "table", w.def.Name, "path", w.def.Path, "entries", r.content.Len())
}

// recovered: the file of the present content is there, or there again.
func (w *watched) recovered(racy bool) {
	w.mu.Lock()
	had := w.err
	w.racy, w.refused, w.err = racy, nil, nil
	w.mu.Unlock()
	if had != nil {
		w.set.opts.Log.Info("table's file is there again", "table", w.def.Name, "path", w.def.Path)
	}
}

// failed notes why the file is not taken; the content stays. It is told once a
// change: of the file, or of the trouble with it.
func (w *watched) failed(info fs.FileInfo, err error) {
	w.mu.Lock()
	news := w.err == nil || w.err.Error() != err.Error() || info != nil && !same(info, w.refused)
	w.err, w.refused = err, info
	kept := w.content != nil
	if news {
		w.failures++
	}
	w.mu.Unlock()
	if !kept {
		w.unavailable(err)
	}
	if news {
		w.set.opts.Log.Error("table not loaded", "table", w.def.Name, "path", w.def.Path, "kept", kept, "error", err)
	}
}

// unavailable puts the cause into the view of a table without content.
func (w *watched) unavailable(err error) {
	w.mu.Lock()
	kept := w.content != nil
	if w.err == nil {
		w.err = err
	}
	w.mu.Unlock()
	if !kept {
		w.set.replace(w.index, table.Version{Name: w.def.Name, Cause: err})
	}
}

func (w *watched) state() Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := Status{Name: w.def.Name, Path: w.def.Path, Format: w.def.Format,
		Loaded: w.when, Loads: w.loads, Failures: w.failures, Err: w.err}
	if w.content != nil {
		s.Entries = w.content.Len()
	}
	if w.content != nil && w.loaded != nil {
		s.Changed = w.loaded.ModTime()
	}
	return s
}

// same tells whether a file is what it was.
func same(a, b fs.FileInfo) bool {
	return a != nil && b != nil && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && os.SameFile(a, b)
}

// source is the file behind a table, shared by the sets of several
// configurations.
type source struct {
	turn     chan struct{} // holds one token while somebody reads
	progress atomic.Int64  // grows with what is read
	seed     maphash.Seed  // of sums; nobody can write a file of another's sum
}

func newSource() *source {
	return &source{turn: make(chan struct{}, 1), seed: maphash.MakeSeed()}
}
