package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// sink accepts everything, checks it and notes when it came.
type sink struct {
	ln     net.Listener
	size   int // of the messages
	secure *tls.Config
	delay  time.Duration // before each reply
	half   atomic.Bool   // of the recipients are not known here: every second one

	mu      sync.Mutex // guards what follows
	came    map[int]time.Time
	copies  int
	altered int
	last    time.Time
}

func newSink(l load, secure *tls.Config) (*sink, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &sink{ln: ln, size: l.bytes, came: make(map[int]time.Time, l.messages)}
	if l.tls {
		s.secure = secure
	}
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
		go (&sinkSession{sink: s, inspector: inspector{size: s.size}}).run(c)
	}
}

// sinkSession is one client of the sink.
type sinkSession struct {
	*sink
	r   *bufio.Reader
	w   *bufio.Writer
	msg []byte
	to  int // recipients of this message
	inspector
}

func (s *sinkSession) use(c net.Conn) {
	s.r, s.w = bufio.NewReaderSize(c, 64<<10), bufio.NewWriter(c)
}

// run answers; replies are flushed when the input is drained.
func (s *sinkSession) run(c net.Conn) {
	defer c.Close()
	s.use(c)
	s.w.WriteString("220 sink ESMTP\r\n")
	for {
		time.Sleep(s.delay)
		if s.r.Buffered() == 0 && s.w.Flush() != nil {
			return
		}
		line, err := s.r.ReadSlice('\n')
		if err != nil {
			return
		}
		switch {
		case hasVerb(line, "EHLO"):
			s.w.WriteString("250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n")
			if s.secure != nil {
				s.w.WriteString("250-STARTTLS\r\n")
			}
			s.w.WriteString("250 SMTPUTF8\r\n")
		case hasVerb(line, "STARTTLS"):
			s.w.WriteString("220 go\r\n")
			s.w.Flush()
			s.use(tls.Server(c, s.secure))
		case s.half.Load() && hasVerb(line, "RCPT") && isSecond(line):
			s.w.WriteString("550 5.1.1 no such user\r\n")
		case hasVerb(line, "DATA") && s.to == 0:
			s.w.WriteString("554 5.5.1 nobody to give it to\r\n")
		case hasVerb(line, "DATA"):
			s.w.WriteString("354 go\r\n")
			if s.w.Flush() != nil || s.data() != nil {
				return
			}
			s.to = 0
			s.w.WriteString("250 ok\r\n")
		case hasVerb(line, "QUIT"):
			s.w.WriteString("221 bye\r\n")
			s.w.Flush()
			return
		default:
			if hasVerb(line, "RCPT") {
				s.to++
			}
			s.w.WriteString("250 ok\r\n")
		}
	}
}

func hasVerb(line []byte, verb string) bool {
	return len(line) >= len(verb) && bytes.EqualFold(line[:len(verb)], []byte(verb))
}

// isSecond tells of a queued message's recipient whose number is even.
func isSecond(line []byte) bool {
	at := bytes.IndexByte(line, '@')
	return at > 0 && line[at-1]%2 == 0 && bytes.Contains(line, []byte("<u"))
}

// data reads to the final dot and notes what came.
func (s *sinkSession) data() error {
	s.msg = s.msg[:0]
	end := []byte("\r\n.\r\n")
	for {
		if _, err := s.r.Peek(1); err != nil {
			return err
		}
		chunk, _ := s.r.Peek(s.r.Buffered())
		from := max(0, len(s.msg)-len(end))
		before := len(s.msg)
		s.msg = append(s.msg, chunk...)
		at := bytes.Index(s.msg[from:], end)
		if at < 0 {
			s.r.Discard(len(chunk))
			continue
		}
		at += from + len(end)
		s.r.Discard(at - before)
		s.note(s.inspect(s.msg[:at-len(".\r\n")]))
		return nil
	}
}

func (s *sink) note(a arrival) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, twice := s.came[a.number]; twice {
		s.copies++
	}
	if !a.intact {
		s.altered++
	}
	s.came[a.number] = now
	s.last = now
}

// when tells when a message came.
func (s *sink) when(n int) (time.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, came := s.came[n]
	return at, came
}

func (s *sink) arrived() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.came)
}

// forget lets the numbers begin anew.
func (s *sink) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.came)
}

// count fills in what arrived of a run that began its messages at begun.
func (s *sink) count(f *figures, begun []time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.unique, f.duplicate, f.altered = len(s.came), s.copies, s.altered
	for n, at := range s.came {
		if n > 0 && n < len(begun) {
			f.waits = append(f.waits, at.Sub(begun[n]))
		}
	}
	slices.Sort(f.waits)
}

// wait until n distinct messages are here; it gives the time of the last one.
func (s *sink) wait(n int, limit time.Duration) (time.Time, error) {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		s.mu.Lock()
		got, last := len(s.came), s.last
		s.mu.Unlock()
		if got >= n {
			return last, nil
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Time{}, fmt.Errorf("%d of %d messages arrived", len(s.came), n)
}
