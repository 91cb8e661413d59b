package queue

import (
	"time"

	"github.com/postroad/postroad/internal/mail"
)

const (
	maxSenders = 256 // counted in a lane; the mail of further ones is not told apart
	maxLight   = 64  // mails that pass a backlog and wait to be claimed
)

// senders counts whose mail comes to a lane while it has a backlog, so that who
// sends little passes who sends much. What a lane held before is not known.
type senders struct {
	counts map[mail.Path]int
	total  int
	light  []time.Time // dues of mail of senders below their share, in order
}

// note counts a mail that is due, and remembers it when its sender has sent less
// than its share.
func (s *senders) note(from mail.Path, due time.Time) {
	if s.counts == nil {
		s.counts = map[mail.Path]int{}
	}
	n := s.counts[from] + 1
	if n == 1 && len(s.counts) == maxSenders {
		return
	}
	s.counts[from] = n
	s.total++
	if n*len(s.counts) < s.total && len(s.light) < maxLight {
		s.light = append(s.light, due)
	}
}

// take gives the oldest of those that pass; there must be one.
func (s *senders) take() time.Time {
	due := s.light[0]
	s.light = s.light[1:]
	return due
}

// clear forgets all: the backlog is gone, and with it whom it came from.
func (s *senders) clear() { *s = senders{} }
