package spool

import (
	"context"
	"errors"
	"math"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sys/unix"

	"github.com/postroad/postroad/internal/durable"
)

// checkEvery is how often the disk is asked for its free space. Between two
// looks what drafts write is reckoned off.
const checkEvery = time.Second

// Shares of Options.MinFree. A disk that was full takes mail again when a sixteenth
// more is free: at the very edge each message would fill it until the next look,
// which sees nothing amiss. Reports of our own may take the last quarter, since
// what they tell of goes with them.
const (
	marginShare = 16
	reportShare = 4
)

// space watches the free space of the disk, since pebble waits without an error
// when there is none. Below Options.MinFree no mail is taken; what is queued
// goes on, and frees space. Half way to the end the ballast is given up, so that
// the database can still write down what was delivered.
type space struct {
	p       *Pebble
	free    atomic.Int64
	reclaim *reclaimer
	stop    func()

	known atomic.Bool // the file system tells its size
	short atomic.Bool // there was too little, and not clearly enough since
	// names is how many more files it may hold beyond those that the database may
	// want while what is queued goes on.
	names atomic.Int64

	mu      sync.Mutex // guards what follows
	ballast bool       // the file is there
	size    int64      // of the disk, 0 when it is not known
	told    bool       // the log has: no mail is taken
}

// look looks for the first time, before the database is opened, which may need
// the room of the ballast.
func (s *space) look(p *Pebble) {
	s.p, s.reclaim, s.stop = p, newReclaimer(p), func() {}
	if p.opt.MinFree < 0 {
		return
	}
	_, err := p.opt.FS.Stat(p.folder.path(ballastName))
	s.ballast = err == nil
	s.check()
}

// start goes on looking every checkEvery, and reclaims what it can on a full disk.
func (s *space) start() {
	if s.p.opt.MinFree < 0 {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	var both sync.WaitGroup
	s.stop = func() {
		cancel()
		both.Wait()
	}
	both.Go(func() { s.reclaim.run(ctx) })
	both.Go(func() {
		tick := time.NewTicker(checkEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				s.check()
			}
			if s.full() != nil {
				s.reclaim.kick()
			}
		}
	})
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
	s.size = int64(min(usage.TotalBytes, 1<<62))
	s.names.Store(freeNames(s.p.opt.FS, s.p.opt.Dir))
	s.known.Store(true)
	s.keepBallast()
	least := s.p.opt.MinFree
	if s.short.Load() {
		least += least / marginShare
	}
	full := s.lacks(least)
	s.short.Store(full)
	if full != s.told {
		s.told = full
		s.p.opt.Log.Warn("spool: free space", "taking_mail", !full, "free", s.free.Load(), "least", s.p.opt.MinFree, "out_of_inodes", s.names.Load() < 0)
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
	f, err := s.p.opt.FS.Create(name, durable.Category)
	if err != nil {
		return err
	}
	return errors.Join(f.Preallocate(0, size), f.Close())
}

// freeNames gives how many files the machine's file system may still hold, but
// for a quarter of all or 1 024 that the database keeps. Some make inodes as they
// are wanted, and tell of none.
func freeNames(fs vfs.FS, dir string) int64 {
	var st unix.Statfs_t
	if fs != vfs.Default || unix.Statfs(dir, &st) != nil || st.Files == 0 {
		return math.MaxInt64
	}
	return int64(min(st.Ffree, 1<<62)) - int64(min(st.Files/4, 1024))
}

// spendName reckons off a file that was made since the last look.
func (s *space) spendName() { s.names.Add(-1) }

// spend reckons off what was written since the last look.
func (s *space) spend(n int64) { s.free.Add(-n) }

// lacks tells whether less than that is free.
func (s *space) lacks(least int64) bool {
	return s.known.Load() && (s.free.Load() < least || s.names.Load() < 0)
}

// full gives ErrFull when there is too little for mail.
func (s *space) full() error {
	switch {
	case s.short.Load():
	case s.lacks(s.p.opt.MinFree):
		s.short.Store(true)
	default:
		return nil
	}
	return ErrFull
}

// fullOf gives ErrFull when there is too little for what is written.
func (s *space) fullOf(k kind) error {
	if k == isMail {
		return s.full()
	}
	if s.lacks(s.p.opt.MinFree - s.p.opt.MinFree/reportShare) {
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

const (
	memTableMost  = 32 << 20
	memTableLeast = 4 << 20
)

// memTable is the size of memtables that suits the disk. When no mail is taken
// any more, the database may still write out four of them, and logs have up to six
// times the size, also for an empty queue: both fit into MinFree and into a small
// disk.
func (s *space) memTable() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := int64(memTableMost)
	if s.size > 0 {
		size = min(size, s.p.opt.MinFree/8, s.size/64)
	}
	return int(max(size, memTableLeast))
}
