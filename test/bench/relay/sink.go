package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"sync"
	"time"
)

// sink accepts everything and counts messages by their X-Bench-Id.
type sink struct {
	ln net.Listener

	mu   sync.Mutex // guards what follows
	ids  map[string]int
	last time.Time
}

func newSink(addr string) (*sink, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	s := &sink{ln: ln, ids: map[string]int{}}
	go s.serve()
	return s, nil
}

func (s *sink) addr() string { return s.ln.Addr().String() }
func (s *sink) close()       { s.ln.Close() }

func (s *sink) serve() {
	for {
		c, err := s.ln.Accept()
		if err != nil {
			return
		}
		go s.session(c)
	}
}

// session answers one client; replies are flushed when the input is drained.
func (s *sink) session(c net.Conn) {
	defer c.Close()
	r, w := bufio.NewReaderSize(c, 64<<10), bufio.NewWriter(c)
	w.WriteString("220 sink ESMTP\r\n")
	for {
		if r.Buffered() == 0 && w.Flush() != nil {
			return
		}
		line, err := r.ReadSlice('\n')
		if err != nil {
			return
		}
		switch {
		case hasVerb(line, "EHLO"):
			w.WriteString("250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n")
		case hasVerb(line, "DATA"):
			w.WriteString("354 go\r\n")
			if w.Flush() != nil || s.data(r) != nil {
				return
			}
			w.WriteString("250 ok\r\n")
		case hasVerb(line, "QUIT"):
			w.WriteString("221 bye\r\n")
			w.Flush()
			return
		default:
			w.WriteString("250 ok\r\n")
		}
	}
}

func hasVerb(line []byte, verb string) bool {
	return len(line) >= 4 && bytes.EqualFold(line[:4], []byte(verb))
}

// data reads to the final dot and notes the id.
func (s *sink) data(r *bufio.Reader) error {
	id := ""
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if id == "" && bytes.HasPrefix(line, []byte("X-Bench-Id: ")) {
			id = string(bytes.TrimSpace(line[12:]))
		}
		if len(line) == 3 && line[0] == '.' {
			s.note(id)
			return nil
		}
	}
}

func (s *sink) note(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids[id]++
	s.last = time.Now()
}

func (s *sink) counts() (unique, duplicate int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.ids {
		duplicate += n - 1
	}
	return len(s.ids), duplicate
}

// wait until n distinct messages are here; it gives the time of the last one.
func (s *sink) wait(n int, limit time.Duration) (time.Time, error) {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		s.mu.Lock()
		got, last := len(s.ids), s.last
		s.mu.Unlock()
		if got >= n {
			return last, nil
		}
	}
	unique, _ := s.counts()
	return time.Time{}, fmt.Errorf("%d of %d messages arrived", unique, n)
}
