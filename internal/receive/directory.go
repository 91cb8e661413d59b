package receive

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
)

// Outcomes of a verification besides success.
var (
	errWrongLogin  = errors.New("receive: wrong name or password")
	errUnavailable = errors.New("receive: directory not available")
)

// directories answers passwords from files of "name:hash" lines. A file is read
// again when it changes, whole or not at all: one broken line keeps the old
// content.
type directories struct {
	log   *slog.Logger
	slots chan struct{} // verifications at once

	mu    sync.Mutex // guards files
	files map[string]*passwords
}

// passwords is the content of one file. It does not change once made.
type passwords struct {
	hashes  map[string]passwordHash
	decoy   passwordHash // verified for a name that is not there
	stamp   time.Time
	size    int64
	checked time.Time // guarded by directories.mu
}

func newDirectories(log *slog.Logger) *directories {
	return &directories{
		log:   log,
		slots: make(chan struct{}, maxVerificationsAtOnce),
		files: map[string]*passwords{},
	}
}

// verify holds name and password against the directories in their order. A name
// that none of them knows costs as much time as one with a wrong password.
func (d *directories) verify(ctx context.Context, dirs []*config.Directory, name, password string) (decide.Login, error) {
	select {
	case d.slots <- struct{}{}:
		defer func() { <-d.slots }()
	case <-ctx.Done():
		return decide.Login{}, errUnavailable
	}
	var decoy passwordHash
	for _, dir := range dirs {
		p, err := d.load(dir)
		if err != nil {
			return decide.Login{}, fmt.Errorf("%w: %v", errUnavailable, err)
		}
		hash, ok := p.hashes[name]
		if !ok {
			decoy = p.decoy
			continue
		}
		if !hash.matches(password) {
			return decide.Login{}, errWrongLogin
		}
		return decide.Login{Directory: dir.Name, Name: name}, nil
	}
	if decoy != nil {
		decoy.matches(password)
	}
	return decide.Login{}, errWrongLogin
}

// load gives the content of a directory, read again when its file has changed.
func (d *directories) load(dir *config.Directory) (*passwords, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.files[dir.Path]
	now := time.Now()
	if p != nil && now.Sub(p.checked) < recheckEvery {
		return p, nil
	}
	info, err := os.Stat(dir.Path)
	if p != nil && (err != nil || info.ModTime().Equal(p.stamp) && info.Size() == p.size) {
		p.checked = now
		return p, nil
	}
	if err != nil {
		return nil, err
	}
	next, err := readPasswords(dir.Path)
	if err != nil && p == nil {
		return nil, err
	}
	if err != nil {
		d.log.Error("directory is broken, the old content stays", "directory", dir.Name, "error", err)
		next = &passwords{hashes: p.hashes, decoy: p.decoy}
	}
	next.stamp, next.size, next.checked = info.ModTime(), info.Size(), now
	d.files[dir.Path] = next
	return next, nil
}

// readPasswords reads a whole file. Empty lines and those that begin with "#"
// are left out. The first line's hash is the decoy, as the cost of all is
// usually the same.
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
		if p.decoy == nil {
			p.decoy = hash
		}
	}
	return p, lines.Err()
}
