package spool

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// checkEvery is how often the disk is asked for its free space. Between two
// looks what drafts write is reckoned off.
const checkEvery = time.Second

// space watches the free space of the disk, since pebble waits without an error
// when there is none. Below Options.MinFree no mail is taken; what is queued
// goes on, and frees space. Half way to the end the ballast is given up, so that
// the database can still write down what was delivered.
type space struct {
	p    *Pebble
	free atomic.Int64
	stop func()

	known atomic.Bool // the file system tells its size

	mu      sync.Mutex // guards what follows
	ballast bool       // the file is there
	wasFull bool       // the log has told
}

// start looks once, then every checkEvery.
func (s *space) start(p *Pebble) {
	s.p = p
	s.stop = func() {}
	if p.opt.MinFree < 0 {
		return
	}
	s.check()
	quit, done := make(chan struct{}), make(chan struct{})
	s.stop = func() {
		close(quit)
		<-done
	}
	go func() {
		defer close(done)
		tick := time.NewTicker(checkEvery)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
				s.check()
			}
		}
	}()
}

// check looks at the disk and keeps the ballast.
func (s *space) check() {
	s.mu.Lock()
	defer s.mu.Unlock()
	usage, err := s.p.opt.FS.GetDiskUsage(s.p.opt.Dir)
	if err != nil || usage.TotalBytes == 0 {
		s.known.Store(false)
		return
	}
	s.free.Store(int64(min(usage.AvailBytes, 1<<62)))
	s.known.Store(true)
	s.keepBallast()
	if full := s.full() != nil; full != s.wasFull {
		s.wasFull = full
		s.p.opt.Log.Warn("spool: free space", "taking_mail", !full, "free", s.free.Load(), "least", s.p.opt.MinFree)
	}
}

// keepBallast lays the ballast when there is plenty, and gives it up in need.
// The caller holds mu.
func (s *space) keepBallast() {
	free, least, size := s.free.Load(), s.p.opt.MinFree, s.p.opt.Ballast
	switch {
	case size <= 0:
	case !s.ballast && free > 2*least+size:
		s.ballast = true
		s.p.logError("laying ballast", s.layBallast(size))
	case s.ballast && free < least/2:
		s.ballast = false
		s.p.opt.Log.Error("spool: the disk is full, giving up the ballast", "free", free)
		s.p.logError("giving up ballast", s.p.opt.FS.Remove(s.p.folder.path(ballastName)))
	}
}

// layBallast takes the space, where the system can do so without writing it.
func (s *space) layBallast(size int64) error {
	name := s.p.folder.path(ballastName)
	if _, err := s.p.opt.FS.Stat(name); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := s.p.opt.FS.Create(name, category)
	if err != nil {
		return err
	}
	return errors.Join(f.Preallocate(0, size), f.Close())
}

// spend reckons off what was written since the last look.
func (s *space) spend(n int64) { s.free.Add(-n) }

// full gives ErrFull when there is too little.
func (s *space) full() error {
	if s.known.Load() && s.free.Load() < s.p.opt.MinFree {
		return ErrFull
	}
	return nil
}

// left is the free space, 0 when it is not known.
func (s *space) left() int64 {
	if !s.known.Load() {
		return 0
	}
	return max(0, s.free.Load())
}
