package directory

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/postroad/postroad/internal/config"
)

// recheckEvery is how long a file is believed before it is looked at again.
const recheckEvery = time.Second

// file answers from a file of "name:hash" lines. It is read again when it
// changes, whole or not at all: one that is broken, gone or no plain file keeps
// the old content, and is told in the log.
type file struct {
	dir    *config.Directory
	hasher *hasher
	log    *slog.Logger

	mu      sync.Mutex // guards what follows
	content *passwords
	checked time.Time
	trouble string // why the present file is not the content, as the log has it
}

// passwords is the content of the file. It does not change once made.
type passwords struct {
	hashes map[string]passwordHash
	decoys []passwordHash // all of hashes
	stamp  time.Time
	size   int64
}

func newFile(dir *config.Directory, h *hasher, log *slog.Logger) *file {
	return &file{dir: dir, hasher: h, log: log}
}

func (f *file) close() {}

func (f *file) verify(ctx context.Context, a Attempt) (string, error) {
	p, err := f.load()
	if err != nil {
		return "", err
	}
	return a.Name, f.hasher.verify(ctx, a, p.hashes[a.Name], p.decoys)
}

// load gives the content, read again when the file has changed.
func (f *file) load() (*passwords, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.content
	now := time.Now()
	if p != nil && now.Sub(f.checked) < recheckEvery {
		return p, nil
	}
	info, err := os.Stat(f.dir.Path)
	switch {
	case p == nil && err != nil:
		return nil, err
	case p != nil && err == nil && info.ModTime().Equal(p.stamp) && info.Size() == p.size:
		f.checked, f.trouble = now, ""
		return p, nil
	case p != nil && err == nil && isFresh(info, now):
		return p, nil
	case p != nil && err == nil && len(p.hashes) > 0 && isEmptied(info, now):
		return f.keep(now, errEmptied), nil
	case err != nil:
		return f.keep(now, err), nil
	}
	next, err := readPasswords(f.dir.Path)
	if err != nil && p == nil {
		return nil, err
	}
	if err != nil {
		return f.keep(now, err), nil
	}
	next.stamp, next.size = info.ModTime(), info.Size()
	f.content, f.checked, f.trouble = next, now, ""
	return next, nil
}

// keep stays with the old content, and tells once why.
func (f *file) keep(now time.Time, err error) *passwords {
	if f.checked = now; f.trouble != err.Error() {
		f.trouble = err.Error()
		f.log.Error("directory is broken, the old content stays", "directory", f.dir.Name, "error", err)
	}
	return f.content
}

// readPasswords reads a whole file. Empty lines and those that begin with "#"
// are left out.
func readPasswords(path string) (*passwords, error) {
	content, err := config.ReadPlain(path)
	if err != nil {
		return nil, err
	}
	p := &passwords{hashes: map[string]passwordHash{}}
	lines := bufio.NewScanner(bytes.NewReader(content))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		name, text, ok := strings.Cut(line, ":")
		if !ok || name == "" {
			return nil, fmt.Errorf("%s:%d: not a line of the form name:hash", path, n)
		}
		if _, twice := p.hashes[name]; twice {
			return nil, fmt.Errorf("%s:%d: the name stands twice", path, n)
		}
		hash, err := parseHash(text)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, n, err)
		}
		p.hashes[name] = hash
		p.decoys = append(p.decoys, hash)
	}
	return p, lines.Err()
}
