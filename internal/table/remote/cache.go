package remote

import (
	"container/list"
	"time"

	"github.com/postroad/postroad/internal/table"
)

// cache keeps answers within a number of octets. What was found and what was not
// are kept apart, so that a client who guesses addresses pushes out the answers
// to guesses only.
type cache struct{ found, absent shelf }

// absentShare is the part of the cache that "not found" may fill.
const absentShare = 4

func newCache(size int64) *cache {
	return &cache{found: newShelf(size - size/absentShare), absent: newShelf(size / absentShare)}
}

// get gives what is known of key, however old, or nil.
func (c *cache) get(key string) *cached {
	if e := c.found.get(key); e != nil {
		return e
	}
	return c.absent.get(key)
}

func (c *cache) put(key string, a table.Answer, fresh time.Time) {
	s := &c.found
	if a.Status == table.NotFound {
		s = &c.absent
	}
	s.put(&cached{key: key, answer: a, fresh: fresh})
}

func (c *cache) drop(key string) {
	c.found.drop(key)
	c.absent.drop(key)
}

func (c *cache) len() int { return len(c.found.byKey) + len(c.absent.byKey) }

// cached is one answer; fresh is when it must be asked for anew.
type cached struct {
	key    string
	answer table.Answer
	fresh  time.Time
}

// entryCost is about what an entry takes beside its texts.
const entryCost = 240

func (c *cached) cost() int64 {
	n := entryCost + 2*len(c.key)
	for _, v := range c.answer.Values {
		n += len(v) + 16
	}
	return int64(n)
}

// shelf keeps the entries used last.
type shelf struct {
	limit, used int64
	byKey       map[string]*list.Element
	order       *list.List // of *cached, used last in front
}

func newShelf(limit int64) shelf {
	return shelf{limit: limit, byKey: map[string]*list.Element{}, order: list.New()}
}

func (s *shelf) get(key string) *cached {
	e := s.byKey[key]
	if e == nil {
		return nil
	}
	s.order.MoveToFront(e)
	return e.Value.(*cached)
}

// put adds an entry whose key is not there; one too large for the shelf is not
// kept.
func (s *shelf) put(c *cached) {
	if c.cost() > s.limit {
		return
	}
	s.byKey[c.key] = s.order.PushFront(c)
	s.used += c.cost()
	for s.used > s.limit {
		s.drop(s.order.Back().Value.(*cached).key)
	}
}

func (s *shelf) drop(key string) {
	if e := s.byKey[key]; e != nil {
		s.used -= e.Value.(*cached).cost()
		s.order.Remove(e)
		delete(s.byKey, key)
	}
}
