package control

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/spool"
)

// Row is what of a job stands in a table. Rows of a million jobs cost a fraction of
// what their objects do: nothing is read or sent that is not shown.
type Row struct {
	ID        string
	Arrived   time.Time // to the second, as Due
	Size      int64
	Sender    string
	Recipient string // the first; control characters are quoted here and in the other names
	More      int    // recipients
	Transport string
	State     string // one of the following
	Attempts  int
	Due       time.Time
}

// States of a row.
const (
	RowWaits  = "waits"
	RowHeld   = "held"
	RowPaused = "paused" // its lane is
	RowAsleep = "asleep" // waits for its lane, until due at most
)

const rowFields = 10

// ErrRow says that the server sent something else than a row.
var ErrRow = errors.New("not a row of a list")

func rowOf(e *spool.Entry, paused []queue.Pause) Row {
	j := &e.Job
	r := Row{
		ID: j.Message.String(), Arrived: j.Arrived, Size: j.Size, Sender: j.Sender.String(), Recipient: "-",
		Transport: j.Lane.Transport, State: resting(j, coveredBy(paused, j.Lane)), Attempts: j.Attempts, Due: j.Due,
	}
	if n := len(j.Recipients); n > 0 {
		r.Recipient, r.More = j.Recipients[0].Final.String(), n-1
	}
	return r
}

// resting is the state of a job that is not being attempted; paused is its lane.
func resting(j *spool.Job, paused bool) string {
	switch {
	case j.Held:
		return RowHeld
	case paused:
		return RowPaused
	case j.Asleep:
		return RowAsleep
	}
	return RowWaits
}

// append writes the row as a line whose fields are parted by tabs.
func (r *Row) append(b []byte) []byte {
	b = append(append(b, r.ID...), '\t')
	b = append(strconv.AppendInt(b, r.Arrived.Unix(), 10), '\t')
	b = append(strconv.AppendInt(b, r.Size, 10), '\t')
	b = append(appendPrintable(b, r.Sender), '\t')
	b = append(appendPrintable(b, r.Recipient), '\t')
	b = append(strconv.AppendInt(b, int64(r.More), 10), '\t')
	b = append(appendPrintable(b, r.Transport), '\t')
	b = append(append(b, r.State...), '\t')
	b = append(strconv.AppendInt(b, int64(r.Attempts), 10), '\t')
	return append(strconv.AppendInt(b, r.Due.Unix(), 10), '\n')
}

// appendPrintable quotes what would end a field, or upset a terminal.
func appendPrintable(b []byte, s string) []byte {
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return strconv.AppendQuote(b, s)
	}
	return append(b, s...)
}

// parseRow reads what append wrote, without its end.
func parseRow(line string) (Row, error) {
	f := strings.Split(line, "\t")
	if len(f) != rowFields {
		return Row{}, fmt.Errorf("%w: %d fields", ErrRow, len(f))
	}
	var numbers [5]int64
	for i, at := range []int{1, 2, 5, 8, 9} {
		var err error
		if numbers[i], err = strconv.ParseInt(f[at], 10, 64); err != nil {
			return Row{}, fmt.Errorf("%w: field %d: %w", ErrRow, at, err)
		}
	}
	return Row{
		ID: f[0], Arrived: time.Unix(numbers[0], 0).UTC(), Size: numbers[1], Sender: f[3], Recipient: f[4], More: int(numbers[2]),
		Transport: f[6], State: f[7], Attempts: int(numbers[3]), Due: time.Unix(numbers[4], 0).UTC(),
	}, nil
}

// rows streams a row a line.
func (h handler) rows(w http.ResponseWriter, r *http.Request) {
	f, ok := selection(w, r)
	if !ok {
		return
	}
	f.Detail = spool.DetailRecipients
	paused := h.b.Pauses()
	out := newLines(w)
	w.Header().Set("Content-Type", "text/tab-separated-values")
	var line []byte
	out.end(h.b.Scan(r.Context(), f, func(e spool.Entry) error {
		one := rowOf(&e, paused)
		line = one.append(line[:0])
		return out.writeLine(line)
	}))
}

// Rows calls each for every job selected, while the server sends them.
func (c *Client) Rows(ctx context.Context, s Selection, each func(Row) error) error {
	resp, err := c.send(ctx, http.MethodPost, "/queue/rows", s)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewReaderSize(resp.Body, streamSize)
	for {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) && line == "" {
			return nil
		}
		var one Row
		if err == nil {
			one, err = parseRow(strings.TrimSuffix(line, "\n"))
		}
		if err != nil {
			return brokenOff(err)
		}
		if err := each(one); err != nil {
			return err
		}
	}
}
