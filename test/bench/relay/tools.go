package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// smtpSink is Postfix's smtp-sink, which counts.
type smtpSink struct {
	cmd  *exec.Cmd
	addr string

	mu    sync.Mutex // guards what follows
	count int
	last  time.Time
}

func newSMTPSink() (*smtpSink, error) {
	addr, err := freePort()
	if err != nil {
		return nil, err
	}
	s := &smtpSink{cmd: exec.Command("smtp-sink", "-c", "-u", "nobody", addr, "1000"), addr: addr}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go s.read(bufio.NewScanner(out))
	return s, nil
}

// read follows the counter that smtp-sink writes over itself.
func (s *smtpSink) read(in *bufio.Scanner) {
	in.Split(func(data []byte, atEOF bool) (int, []byte, error) {
		if i := bytes.IndexByte(data, '\r'); i >= 0 {
			return i + 1, data[:i], nil
		}
		return 0, nil, nil
	})
	for in.Scan() {
		_, last, found := strings.Cut(in.Text(), "mesg=")
		if !found {
			last = in.Text()
		}
		n, err := strconv.Atoi(strings.TrimSpace(last))
		if err != nil {
			continue
		}
		s.mu.Lock()
		s.count, s.last = n, time.Now()
		s.mu.Unlock()
	}
}

func (s *smtpSink) close() {
	s.cmd.Process.Kill()
	s.cmd.Wait()
}

// wait until n messages are there.
func (s *smtpSink) wait(n int, limit time.Duration) (time.Time, error) {
	got := 0
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		s.mu.Lock()
		count, last := s.count, s.last
		s.mu.Unlock()
		if got = count; got >= n {
			return last, nil
		}
	}
	return time.Time{}, fmt.Errorf("smtp-sink has %d of %d messages", got, n)
}

// smtpSource sends a load with Postfix's smtp-source.
func smtpSource(addr string, l load) error {
	args := []string{"-s", strconv.Itoa(l.sessions), "-m", strconv.Itoa(l.messages), "-l", strconv.Itoa(l.bytes),
		"-f", "s@src.test", "-t", "u@b.test"}
	if l.reuse {
		args = append(args, "-d")
	}
	out, err := exec.Command("smtp-source", append(args, addr)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("smtp-source: %w: %s", err, out)
	}
	return nil
}
