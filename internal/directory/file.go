package directory

import (
	"bufio"
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
// changes, whole or not at all: one broken line keeps the old content.
type file struct {
	dir    *config.Directory
	hasher *hasher
	log    *slog.Logger

	mu      sync.Mutex // guards what follows
	content *passwords
	checked time.Time
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
	if p != nil && (err != nil || info.ModTime().Equal(p.stamp) && info.Size() == p.size) {
		f.checked = now
		return p, nil
	}
	if err != nil {
		return nil, err
	}
	next, err := readPasswords(f.dir.Path)
	if err != nil && p == nil {
		return nil, err
	}
	if err != nil {
		f.log.Error("directory is broken, the old content stays", "directory", f.dir.Name, "error", err)
		next = &passwords{hashes: p.hashes, decoys: p.decoys}
	}
	next.stamp, next.size = info.ModTime(), info.Size()
	f.content, f.checked = next, now
	return next, nil
}

// readPasswords reads a whole file. Empty lines and those that begin with "#"
// are left out.
func readPasswords(path string) (*passwords, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	p := &passwords{hashes: map[string]passwordHash{}}
	lines := bufio.NewScanner(f)
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
