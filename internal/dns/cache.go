package dns

import (
	"container/list"
	"sync"
	"time"
)

// cache keeps answers and, shortly, failures. The least recently used question
// goes first when it is full.
type cache struct {
	max int

	mu    sync.Mutex // guards what follows
	byKey map[question]*list.Element
	order *list.List // of *entry, most recently used first
}

type entry struct {
	q       question
	a       answer
	err     error // of a failure
	expires time.Time
}

func newCache(entries int) *cache {
	return &cache{max: entries, byKey: map[question]*list.Element{}, order: list.New()}
}

// get gives an entry that still lives at now.
func (c *cache) get(q question, now time.Time) (entry, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	el, ok := c.byKey[q]
	if !ok {
		return entry{}, false
	}
	e := el.Value.(*entry)
	if !now.Before(e.expires) {
		c.remove(el)
		return entry{}, false
	}
	c.order.MoveToFront(el)
	return *e, true
}

func (c *cache) put(e entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if el, ok := c.byKey[e.q]; ok {
		el.Value = &e
		c.order.MoveToFront(el)
		return
	}
	c.byKey[e.q] = c.order.PushFront(&e)
	for len(c.byKey) > c.max {
		c.remove(c.order.Back())
	}
}

// remove is called with mu held.
func (c *cache) remove(el *list.Element) {
	c.order.Remove(el)
	delete(c.byKey, el.Value.(*entry).q)
}

func (c *cache) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.byKey)
}
