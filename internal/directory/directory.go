package directory

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
)

// Answers besides a login.
var (
	ErrWrong       = errors.New("directory: wrong name or password")
	ErrUnavailable = errors.New("directory: not available")
	ErrThrottled   = errors.New("directory: too many failures")
)

// Bounds of what is looked at, so that a stranger's octets cost little. No mail
// client knows a longer name, and bcrypt looks at 72 octets.
const (
	maxName     = 255
	maxPassword = 1024
)

// Attempt is what a client says of itself.
type Attempt struct {
	Directories []*config.Directory // of the listener, in the order in which they are asked
	Name        string
	Password    string
	Client      netip.Addr
}

// backend is one directory. verify gives the name as the directory spells it,
// ErrWrong, or any other error for "try later". It obeys ctx and is safe for
// several goroutines; close waits for nobody.
type backend interface {
	verify(ctx context.Context, a Attempt) (name string, err error)
	close()
}

// Directories asks directories. It is safe for several goroutines.
type Directories struct {
	log      *slog.Logger
	hasher   *hasher
	throttle *throttle

	mu   sync.Mutex // guards open
	open map[string]*opened
}

// opened is a directory in use, by the definition that it was opened with.
type opened struct {
	of    *config.Directory
	asked backend
	cache *cache
}

// New gives Directories that nothing is asked of yet; Close ends it.
func New(log *slog.Logger) *Directories {
	return &Directories{log: log, hasher: newHasher(), throttle: newThrottle(), open: map[string]*opened{}}
}

// Close lets go of all connections.
func (d *Directories) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for name, o := range d.open {
		o.asked.close()
		delete(d.open, name)
	}
}

// Verify gives the login of an attempt, ErrWrong, ErrThrottled, or an error that
// wraps ErrUnavailable. While it is throttled not even the right password is
// looked at, so that the answer tells nothing of it.
func (d *Directories) Verify(ctx context.Context, a Attempt) (decide.Login, error) {
	if !d.throttle.admits(a, time.Now()) {
		return decide.Login{}, ErrThrottled
	}
	login, err := d.ask(ctx, a)
	switch {
	case err == nil:
		d.throttle.succeeded(a, time.Now())
	case errors.Is(err, ErrWrong):
		d.throttle.failed(a, time.Now())
	}
	return login, err
}

// ask asks all directories until one says yes.
func (d *Directories) ask(ctx context.Context, a Attempt) (decide.Login, error) {
	if !plausible(a) {
		return decide.Login{}, ErrWrong
	}
	result := ErrWrong
	for _, dir := range a.Directories {
		name, err := d.askOne(ctx, dir, a)
		switch {
		case err == nil:
			return decide.Login{Directory: dir.Name, Name: name}, nil
		case !errors.Is(err, ErrWrong):
			d.log.Warn("directory cannot answer", "directory", dir.Name, "error", err)
			result = fmt.Errorf("%w: %s: %w", ErrUnavailable, dir.Name, err)
		}
	}
	return decide.Login{}, result
}

// plausible tells whether anybody could have that name and password. An empty
// password would make an LDAP bind that proves nothing (RFC 4513 s5.1.2).
func plausible(a Attempt) bool {
	return a.Name != "" && len(a.Name) <= maxName && utf8.ValidString(a.Name) && strings.IndexFunc(a.Name, unicode.IsControl) < 0 &&
		a.Password != "" && len(a.Password) <= maxPassword && utf8.ValidString(a.Password) && strings.IndexByte(a.Password, 0) < 0
}

// askOne asks one directory within its time-out, or its cache.
func (d *Directories) askOne(ctx context.Context, dir *config.Directory, a Attempt) (string, error) {
	o, err := d.opened(dir)
	if err != nil {
		return "", err
	}
	if name, ok := o.cache.get(a, time.Now()); ok {
		return name, nil
	}
	if dir.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, dir.Timeout)
		defer cancel()
	}
	name, err := o.asked.verify(ctx, a)
	if err == nil {
		o.cache.put(a, name, time.Now())
	}
	return name, err
}

// opened gives the directory of that definition. One that a reload has changed is
// opened anew, and what was cached is forgotten.
func (d *Directories) opened(dir *config.Directory) (*opened, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	o := d.open[dir.Name]
	if o != nil && (o.of == dir || o.of.Equal(dir)) {
		o.of = dir
		return o, nil
	}
	b, err := d.openBackend(dir)
	if err != nil {
		return nil, err
	}
	if o != nil {
		o.asked.close()
	}
	o = &opened{of: dir, asked: b, cache: newCache(dir.Cache)}
	d.open[dir.Name] = o
	return o, nil
}

// openBackend is the one list of kinds. It connects to nothing.
func (d *Directories) openBackend(dir *config.Directory) (backend, error) {
	switch dir.Kind {
	case "file":
		return newFile(dir, d.hasher, d.log), nil
	case "sql":
		b, err := newDatabase(dir, d.hasher)
		return newBounded(b, dir.Connections, 0), err // the hashes are ours
	case "ldap":
		return newBounded(newTree(dir), dir.Connections, noAtLeast), nil
	case "dovecot":
		return newBounded(newDovecot(dir), dir.Connections, noAtLeast), nil
	case "http":
		b, err := newService(dir)
		return newBounded(b, dir.Connections, noAtLeast), err
	}
	return nil, fmt.Errorf("no directory of kind %q", dir.Kind)
}
