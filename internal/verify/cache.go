package verify

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	cacheName = "verify.cache"
	// cacheMost answers are kept; beyond, any of the old ones goes.
	cacheMost = 1 << 20
	// cacheFor is longer than any answer serves by default.
	cacheFor = 62 * 24 * time.Hour
)

// place is what an answer is about.
type place struct{ transport, address string }

// answer is what a host said of an address.
type answer struct {
	at     time.Time
	exists bool
}

// record is a line of the file.
type record struct {
	Transport string `json:"t"`
	Address   string `json:"a"`
	At        int64  `json:"at"`
	Exists    bool   `json:"ok"`
}

// cache keeps answers in memory and in a file that grows by a line for each. It
// is written without a sync: what a crash loses is asked again.
type cache struct {
	mu      sync.Mutex // guards what follows
	answers map[place]answer
	file    *os.File // nil: memory only
}

// openCache reads the file of a folder and writes what still counts anew.
func openCache(folder string, now time.Time) (*cache, error) {
	c := &cache{answers: make(map[place]answer)}
	path := filepath.Join(folder, cacheName)
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return c, err
	}
	for line := range bytes.Lines(data) {
		var r record
		if json.Unmarshal(line, &r) != nil {
			continue // cut off by a crash
		}
		if a := (answer{time.Unix(r.At, 0), r.Exists}); now.Sub(a.at) < cacheFor {
			c.put(place{r.Transport, r.Address}, a)
		}
	}
	if err := c.rewrite(path); err != nil {
		return c, err
	}
	c.file, err = os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0o600)
	return c, err
}

// rewrite writes all answers into a new file.
func (c *cache) rewrite(path string) error {
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(f)
	lines := json.NewEncoder(out)
	for p, a := range c.answers {
		_ = lines.Encode(recordOf(p, a)) // out keeps the error for Flush
	}
	if err := errors.Join(out.Flush(), f.Close()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func recordOf(p place, a answer) record {
	return record{Transport: p.transport, Address: p.address, At: a.at.Unix(), Exists: a.exists}
}

func (c *cache) get(p place) (answer, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := c.answers[p]
	return a, ok
}

// keep remembers an answer.
func (c *cache) keep(p place, a answer) error {
	line, err := json.Marshal(recordOf(p, a))
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put(p, a)
	if c.file == nil {
		return nil
	}
	_, err = c.file.Write(append(line, '\n'))
	return err
}

func (c *cache) put(p place, a answer) {
	if len(c.answers) >= cacheMost {
		for old := range c.answers {
			delete(c.answers, old)
			break
		}
	}
	c.answers[p] = a
}

func (c *cache) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.answers)
}

func (c *cache) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.file == nil {
		return nil
	}
	f := c.file
	c.file = nil
	return f.Close()
}
