package deliver

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/smtp"
)

// Bounds of reuse (SEMANTICS 14). The age counts from the connect and there is
// no count of messages: a count would draw most of the mail to the slowest host.
const (
	idleMax   = 2 * time.Second
	ageMax    = 300 * time.Second
	pooledMax = 1000 // connections kept at once, all identities together
)

// identity is all that two uses of one connection must have in common.
type identity struct {
	protocol smtp.Protocol
	host     string
	addr     netip.AddrPort
	socket   string
	tls      config.TLSMode
	source   netip.Addr
	user     string
	secret   config.Secret
	hello    mail.Domain
	tenant   string
}

// session is a connection that is ready for MAIL.
type session struct {
	*smtp.Client
	raw    net.Conn // closed to cancel what runs over it
	key    identity
	remote string // "mx.example.net[192.0.2.1]:25"
	opened time.Time
	reused bool
	idle   *time.Timer // closes it; set while it lies in the pool
}

// pool keeps idle sessions by identity, the last used first.
type pool struct {
	mu     sync.Mutex // guards all below
	idle   map[identity][]*session
	size   int
	closed bool
}

func newPool() *pool { return &pool{idle: make(map[identity][]*session)} }

// get takes a session out of the pool, or gives nil.
func (p *pool) get(key identity) *session {
	p.mu.Lock()
	list := p.idle[key]
	if len(list) == 0 {
		p.mu.Unlock()
		return nil
	}
	s := list[len(list)-1]
	p.cut(key, len(list)-1)
	p.mu.Unlock()
	s.idle.Stop()
	s.reused = true
	return s
}

// put keeps a session for the next job, or ends it when it may not be kept.
func (p *pool) put(s *session) {
	left := ageMax - time.Since(s.opened)
	if !s.Reusable() || left <= 0 || !p.keep(s, min(left, idleMax)) {
		s.Quit()
	}
}

func (p *pool) keep(s *session, d time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.size >= pooledMax {
		return false
	}
	p.idle[s.key] = append(p.idle[s.key], s)
	p.size++
	if s.idle == nil {
		s.idle = time.AfterFunc(d, func() { p.expire(s) })
	} else {
		s.idle.Reset(d)
	}
	return true
}

// expire ends a session that nobody wanted in time. One that was taken out
// meanwhile is not in the list any more, and left alone. (One that was taken and
// put back within that moment ends early.)
func (p *pool) expire(s *session) {
	p.mu.Lock()
	found := false
	for i, o := range p.idle[s.key] {
		if o == s {
			p.cut(s.key, i)
			found = true
			break
		}
	}
	p.mu.Unlock()
	if found {
		s.Quit()
	}
}

// cut takes the i-th session of a list out; mu is held.
func (p *pool) cut(key identity, i int) {
	list := p.idle[key]
	copy(list[i:], list[i+1:])
	list[len(list)-1] = nil
	p.size--
	if list = list[:len(list)-1]; len(list) == 0 {
		delete(p.idle, key)
	} else {
		p.idle[key] = list
	}
}

func (p *pool) close() {
	p.mu.Lock()
	all := p.idle
	p.idle, p.closed, p.size = make(map[identity][]*session), true, 0
	p.mu.Unlock()
	for _, list := range all {
		for _, s := range list {
			s.idle.Stop()
			s.Quit()
		}
	}
}
