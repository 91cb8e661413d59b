package control

import (
	"bufio"
	"encoding/json"
	"net/http"
	"time"
)

// linesWait is how long a line may wait for others to travel with.
const linesWait = 100 * time.Millisecond

// lines streams objects, one a line. The first goes at once, and none waits long:
// where few of many are wanted, the next may take its time.
type lines struct {
	http *http.ResponseController
	out  *bufio.Writer
	enc  *json.Encoder
	sent time.Time
}

func newLines(w http.ResponseWriter) *lines {
	w.Header().Set("Content-Type", "application/x-ndjson")
	out := bufio.NewWriterSize(w, 64<<10)
	return &lines{http: http.NewResponseController(w), out: out, enc: json.NewEncoder(out)}
}

func (l *lines) write(v any) error {
	if err := l.enc.Encode(v); err != nil {
		return err
	}
	if now := time.Now(); now.Sub(l.sent) >= linesWait {
		l.sent = now
		return l.flush()
	}
	return nil
}

func (l *lines) flush() error {
	if err := l.out.Flush(); err != nil {
		return err
	}
	return l.http.Flush()
}

// end sends what is left. After the first line an error can only cut the stream,
// which the client sees as an unexpected end.
func (l *lines) end(err error) {
	if err == nil {
		err = l.flush()
	}
	if err != nil {
		panic(http.ErrAbortHandler)
	}
}
