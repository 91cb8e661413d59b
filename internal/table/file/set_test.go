package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/table"
	"github.com/postroad/postroad/internal/table/inline"
)

// fast is the timing of these tests.
func fast(log *slog.Logger) Options {
	return Options{Log: log, Every: 5 * time.Millisecond, Settle: time.Millisecond, SettleEmpty: 300 * time.Millisecond}
}

// journal collects the log.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) count(text string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Count(j.b.String(), text)
}

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

// run opens a set and looks after it until the test ends.
func run(t *testing.T, opts Options, defs ...Definition) *Set {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s := Open(ctx, defs, opts)
	done := make(chan struct{})
	go func() { defer close(done); s.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return s
}

func list(path string) Definition {
	return Definition{Name: "users", Path: path, Shown: filepath.Base(path), Format: "list", Timeout: 100 * time.Millisecond}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	next := path + ".new"
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
}

// status asks the first table of the set.
func status(s *Set, key string) table.Status {
	v := s.View()[0]
	if v.Content == nil {
		return table.TryLater
	}
	return v.Content.Lookup(key).Status
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !holds(); {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestReplacedWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	write(t, path, "ann\nbob\n")
	var log journal
	s := run(t, fast(log.logger()), list(path))
	pinned := s.View()
	if status(s, "ann") != table.Found || status(s, "eve") != table.NotFound {
		t.Fatal("not loaded")
	}
	write(t, path, "eve\n")
	eventually(t, "eve is there", func() bool { return status(s, "eve") == table.Found })
	if status(s, "ann") != table.NotFound {
		t.Error("ann is still there")
	}
	if pinned[0].Content.Lookup("ann").Status != table.Found {
		t.Error("a pinned version changed")
	}
	if st := s.Status()[0]; st.Entries != 1 || st.Err != nil || st.Loads != 2 || st.Loaded.IsZero() || st.Changed.IsZero() || st.Failures != 0 {
		t.Errorf("%+v", st)
	}
}

// TestBrokenIsNotTaken: the old content stays, the trouble is told once a change.
func TestBrokenIsNotTaken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	write(t, path, "ann\n")
	var log journal
	s := run(t, fast(log.logger()), list(path))
	write(t, path, "eve\ntwo keys\n")
	eventually(t, "told", func() bool { return s.Status()[0].Err != nil })
	time.Sleep(30 * time.Millisecond)
	if status(s, "ann") != table.Found || status(s, "eve") != table.NotFound {
		t.Error("the content changed")
	}
	st := s.Status()[0]
	if p := new(Problems); !errors.As(st.Err, &p) || p.Error() != `users:2: more than one key in a line of a list: "keys"` {
		t.Errorf("%v", st.Err)
	}
	if n := log.count("table not loaded"); n != 1 || st.Failures != 1 {
		t.Errorf("told %d times, counted %d", n, st.Failures)
	}
	write(t, path, "still two keys\n")
	eventually(t, "told again", func() bool { return s.Status()[0].Failures == 2 })
	write(t, path, "eve\n")
	eventually(t, "healed", func() bool { return status(s, "eve") == table.Found && s.Status()[0].Err == nil })
}

// TestCheckedBeforeTaken: content that the owner of the table refuses is like a
// broken one, until the owner changes its mind.
func TestCheckedBeforeTaken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	write(t, path, "ann\n")
	var log journal
	var allowed atomic.Bool
	d := list(path)
	d.Check = func(c table.Resident) error {
		if c.Lookup("eve").Status == table.Found && !allowed.Load() {
			return errors.New("not eve")
		}
		return nil
	}
	s := run(t, fast(log.logger()), d)
	write(t, path, "eve\n")
	eventually(t, "told", func() bool { return s.Status()[0].Err != nil })
	time.Sleep(30 * time.Millisecond)
	if status(s, "ann") != table.Found || status(s, "eve") != table.NotFound {
		t.Error("the content changed")
	}
	if n := log.count("not eve"); n != 1 {
		t.Errorf("told %d times", n)
	}
	allowed.Store(true)
	eventually(t, "taken", func() bool { return status(s, "eve") == table.Found && s.Status()[0].Err == nil })
}

func TestVanishedIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	write(t, path, "ann\n")
	var log journal
	s := run(t, fast(log.logger()), list(path))
	aside := path + ".aside"
	if err := os.Rename(path, aside); err != nil {
		t.Fatal(err)
	}
	eventually(t, "told", func() bool { return errors.Is(s.Status()[0].Err, fs.ErrNotExist) })
	time.Sleep(30 * time.Millisecond)
	if status(s, "ann") != table.Found || log.count("table not loaded") != 1 {
		t.Errorf("ann %v, told %d times", status(s, "ann"), log.count("table not loaded"))
	}
	if err := os.Rename(aside, path); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the same file is there again", func() bool { return s.Status()[0].Err == nil })
}

// TestUnavailableHeals: what was never read is "try later", never "not found".
func TestUnavailableHeals(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	s := run(t, fast(nil), list(path))
	if v := s.View()[0]; v.Content != nil || !errors.Is(v.Cause, syscall.ENOENT) {
		t.Errorf("%+v", v)
	}
	write(t, path, "ann\n")
	eventually(t, "ann is there", func() bool { return status(s, "ann") == table.Found })
}

// TestPipe: a pipe without a writer would read as an empty file.
func TestPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	start := time.Now()
	s := run(t, fast(nil), list(path))
	if took := time.Since(start); took > time.Second {
		t.Errorf("Open took %v", took)
	}
	if v := s.View()[0]; v.Content != nil || !errors.Is(v.Cause, ErrNotRegular) {
		t.Errorf("%+v", v)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	write(t, path, "ann\n")
	eventually(t, "a file in its place is read", func() bool { return status(s, "ann") == table.Found })
}

func TestEmptied(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	write(t, path, "ann\n")
	s := run(t, fast(nil), list(path))
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	eventually(t, "told", func() bool { return errors.Is(s.Status()[0].Err, ErrEmptied) })
	if status(s, "ann") != table.Found {
		t.Error("an empty file was taken at once")
	}
	eventually(t, "believed", func() bool { return status(s, "ann") == table.NotFound })
}

// TestFreshIsReadAgain: two writes within the clock's grain leave the same mark.
func TestFreshIsReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	write(t, path, "ann\n")
	opts := fast(nil)
	opts.Every, opts.Settle = 50*time.Millisecond, 40*time.Millisecond
	s := run(t, opts, list(path))
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("eve\n"), 0o600); err != nil { // as long, in place
		t.Fatal(err)
	}
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "eve is there", func() bool { return status(s, "eve") == table.Found })
}

// TestFreshAtReload: a file that was fresh when it was read is neither read by a
// reload nor made anew when it has not changed, and is read when it has.
func TestFreshAtReload(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	write(t, path, "ann\n")
	files := &stalling{}
	opts := Options{Files: files, Every: 5 * time.Millisecond, Settle: time.Hour}
	first := Open(t.Context(), []Definition{list(path)}, opts)
	read := files.readers.Load()
	opts.Previous = first
	second := Open(t.Context(), []Definition{list(path)}, opts)
	if files.readers.Load() != read {
		t.Error("a reload reads what looks the same")
	}
	opts.Previous, opts.Settle = second, time.Nanosecond
	third := run(t, opts, list(path))
	eventually(t, "it is looked at again", func() bool { return files.readers.Load() > read })
	eventually(t, "and no more", func() bool {
		read = files.readers.Load()
		time.Sleep(30 * time.Millisecond)
		return files.readers.Load() == read
	})
	if third.View()[0].Content != first.View()[0].Content || third.Status()[0].Loads != 1 {
		t.Errorf("what did not change was made anew: %+v", third.Status()[0])
	}

	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("eve\n"), 0o600); err != nil { // as long, in place
		t.Fatal(err)
	}
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	opts.Previous = second // which read it while it was fresh
	fourth := run(t, opts, list(path))
	eventually(t, "eve is there", func() bool { return status(fourth, "eve") == table.Found })
}

// stalling is files whose reads hang, or change under the reader.
type stalling struct {
	disk
	gate    chan struct{} // reads wait here
	readers atomic.Int32
	onRead  func()
}

func (f *stalling) Open(path string) (fs.File, error) {
	file, err := f.disk.Open(path)
	return &stallingFile{File: file, f: f}, err
}

type stallingFile struct {
	fs.File
	f *stalling
}

func (s *stallingFile) Read(p []byte) (int, error) {
	s.f.readers.Add(1)
	if s.f.gate != nil {
		<-s.f.gate
	}
	if s.f.onRead != nil {
		s.f.onRead()
	}
	return s.File.Read(p)
}

// TestStalled: a file that hangs holds up nothing for longer than its timeout, is
// read by one goroutine only, and is taken when it yields.
func TestStalled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	write(t, path, "ann\n")
	files := &stalling{gate: make(chan struct{})}
	opts := fast(nil)
	opts.Files = files
	start := time.Now()
	s := run(t, opts, list(path), Definition{Name: "other", Content: inline.New(nil)})
	if took := time.Since(start); took > time.Second {
		t.Errorf("Open took %v", took)
	}
	if v := s.View()[0]; v.Content != nil || !errors.Is(v.Cause, ErrStalled) {
		t.Errorf("%+v", v)
	}
	again := Open(t.Context(), []Definition{list(path)}, Options{Files: files, Previous: s})
	if v := again.View()[0]; v.Content != nil || !errors.Is(v.Cause, ErrStalled) {
		t.Errorf("another set: %+v", v)
	}
	time.Sleep(200 * time.Millisecond)
	if n := files.readers.Load(); n != 1 {
		t.Errorf("%d readers", n)
	}
	close(files.gate)
	eventually(t, "ann is there", func() bool { return status(s, "ann") == table.Found })
}

// TestChangedWhileRead: a file that is not at the end what it was at the start is
// read again.
func TestChangedWhileRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	write(t, path, "ann\n")
	files := &stalling{}
	var once sync.Once
	files.onRead = func() { once.Do(func() { write(t, path, "ann\nbob\n") }) }
	s := Open(t.Context(), []Definition{list(path)}, Options{Files: files})
	if status(s, "bob") != table.Found {
		t.Errorf("%+v", s.View()[0])
	}
	files.onRead = func() { write(t, path, "ann\n") }
	s = Open(t.Context(), []Definition{list(path)}, Options{Files: files})
	if v := s.View()[0]; !errors.Is(v.Cause, ErrRestless) {
		t.Errorf("%+v", v)
	}
}

// TestPrevious: a new configuration keeps what the old one knew of the same file,
// and reads nothing twice.
func TestPrevious(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	write(t, path, "ann\n")
	if err := os.Chtimes(path, time.Now().Add(-time.Hour), time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	first := Open(t.Context(), []Definition{list(path)}, Options{})
	second := Open(t.Context(), []Definition{{Name: "x", Content: inline.New(nil)}, list(path)}, Options{Previous: first})
	if second.View()[1].Content != first.View()[0].Content {
		t.Error("the file was read again")
	}
	write(t, path, "two keys\n")
	if err := os.Chtimes(path, time.Now().Add(-time.Minute), time.Now().Add(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	third := Open(t.Context(), []Definition{list(path)}, Options{Previous: second})
	if status(third, "ann") != table.Found || third.Status()[0].Err == nil {
		t.Errorf("broken at a reload: %+v", third.Status()[0])
	}
	other := list(path)
	other.Format = "cidr"
	if fourth := Open(t.Context(), []Definition{other}, Options{Previous: third}); fourth.View()[0].Content != nil {
		t.Error("content of another format was kept")
	}
}

// TestViewOrder: a version stands at the index of its definition.
func TestViewOrder(t *testing.T) {
	folder := t.TempDir()
	var defs []Definition
	for i := range 20 {
		d := list(filepath.Join(folder, fmt.Sprint(i)))
		d.Name = fmt.Sprint(i)
		write(t, d.Path, fmt.Sprintf("key%d\n", i))
		defs = append(defs, d)
	}
	for i, v := range Open(t.Context(), defs, Options{}).View() {
		if v.Name != fmt.Sprint(i) || v.Content.Lookup(fmt.Sprintf("key%d", i)).Status != table.Found {
			t.Errorf("%d: %s", i, v.Name)
		}
	}
}

func TestCancelled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	write(t, path, "ann\n")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	files := &stalling{gate: make(chan struct{})}
	defer close(files.gate)
	s := Open(ctx, []Definition{list(path)}, Options{Files: files})
	if v := s.View()[0]; v.Content != nil || v.Cause == nil {
		t.Errorf("%+v", v)
	}
	s.Run(ctx) // ends at once
}

// BenchmarkMemory tells the octets an entry of a table costs.
func BenchmarkMemory(b *testing.B) {
	src := aliasFile(1_000_000)
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		content, err := Parse("virtual", "aliases", bytes.NewReader(src))
		if err != nil {
			b.Fatal(err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(content.Len()), "B/entry")
	}
}
