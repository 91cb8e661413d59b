package control

import (
	"bufio"
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// linesWait is how long a line may wait for others to travel with.
const linesWait = 50 * time.Millisecond

// lines streams objects, one a line. None waits long for the next, which may take
// its time where few of many are wanted.
type lines struct {
	http  *http.ResponseController
	timer *time.Timer // sends what waits

	mu      sync.Mutex // guards what follows, and the response
	out     *bufio.Writer
	enc     *json.Encoder
	waiting bool // the timer is set
	err     error
}

func newLines(w http.ResponseWriter) *lines {
	w.Header().Set("Content-Type", "application/x-ndjson")
	out := bufio.NewWriterSize(w, 64<<10)
	l := &lines{http: http.NewResponseController(w), out: out, enc: json.NewEncoder(out)}
	l.timer = time.AfterFunc(time.Hour, l.send)
	l.timer.Stop()
	return l
}

func (l *lines) write(v any) error {
	return l.put(func() error { return l.enc.Encode(v) })
}

// writeLine sends a line that is no object, with its end.
func (l *lines) writeLine(line []byte) error {
	return l.put(func() error { _, err := l.out.Write(line); return err })
}

func (l *lines) put(line func() error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = line()
	}
	if !l.waiting {
		l.waiting = true
		l.timer.Reset(linesWait)
	}
	return l.err
}

// send sends what waits.
func (l *lines) send() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting {
		l.flush()
	}
}

// flush sends all. The caller holds mu.
func (l *lines) flush() {
	l.waiting = false
	if l.err == nil {
		l.err = l.out.Flush()
	}
	if l.err == nil {
		l.err = l.http.Flush()
	}
}

// end sends what is left; the response is the caller's again. After the first line
// an error can only cut the stream, which the client sees as an unexpected end.
func (l *lines) end(err error) {
	l.timer.Stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flush() // before an error too: what these lines tell of has happened
	if err != nil || l.err != nil {
		panic(http.ErrAbortHandler)
	}
}
