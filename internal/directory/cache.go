package directory

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"
)

// maxCached logins of a directory are remembered.
const maxCached = 10_000

// fingerprint stands for a name and a password where they are remembered.
type fingerprint [sha256.Size]byte

// printer makes fingerprints with a key that nobody has and that ends with the
// process, so that memory holds nothing to try passwords against.
type printer struct{ key [32]byte }

func newPrinter() printer {
	var p printer
	_, _ = rand.Read(p.key[:]) // never fails
	return p
}

func (p printer) print(parts ...string) fingerprint {
	mac := hmac.New(sha256.New, p.key[:])
	for _, s := range parts {
		mac.Write([]byte{byte(len(s) >> 16), byte(len(s) >> 8), byte(len(s))})
		mac.Write([]byte(s))
	}
	return fingerprint(mac.Sum(nil))
}

// cache remembers for a short time that a directory said yes. A no is always
// asked anew: the password may just have been changed.
type cache struct {
	keep    time.Duration
	printer printer

	mu    sync.Mutex // guards known
	known map[fingerprint]cached
}

type cached struct {
	name  string
	until time.Time
}

func newCache(keep time.Duration) *cache {
	return &cache{keep: keep, printer: newPrinter(), known: map[fingerprint]cached{}}
}

func (c *cache) get(a Attempt, now time.Time) (string, bool) {
	if c.keep <= 0 {
		return "", false
	}
	f := c.printer.print(a.Name, a.Password)
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.known[f]
	return k.name, ok && now.Before(k.until)
}

func (c *cache) put(a Attempt, name string, now time.Time) {
	if c.keep <= 0 {
		return
	}
	f := c.printer.print(a.Name, a.Password)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= maxCached {
		for k, v := range c.known {
			if !now.Before(v.until) {
				delete(c.known, k)
			}
		}
	}
	if len(c.known) < maxCached {
		c.known[f] = cached{name: name, until: now.Add(c.keep)}
	}
}
