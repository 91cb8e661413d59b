package migrate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"time"

	"github.com/postroad/postroad/internal/mail"
)

// Actions of an Entry.
const (
	ActionMove     = "move"
	ActionRollback = "rollback"
	ActionPause    = "pause"
	ActionResume   = "resume"
)

// Entry is one change in the journal.
type Entry struct {
	When      time.Time   `json:"when"`
	By        string      `json:"by"` // who asked for it; "guard" is the house
	Action    string      `json:"action"`
	Domain    mail.Domain `json:"domain"`
	Addresses []string    `json:"addresses,omitempty"` // keys
	Most      float64     `json:"most,omitempty"`      // pause: the share stays there
	Why       string      `json:"why,omitempty"`       // pause
}

// ErrDamaged is why a journal does not open.
var ErrDamaged = errors.New("migrate: damaged journal")

// castagnoli is the table of CRC-32C.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// line is the entry as it is written: checksum, space, JSON, line feed.
func (e Entry) line() ([]byte, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "%08x %s\n", crc32.Checksum(text, castagnoli), text), nil
}

// parse reads a journal. whole is how much of it is good: a last line without its
// end was cut off by a crash and never acknowledged.
func parse(data []byte) (entries []Entry, whole int, err error) {
	for whole < len(data) {
		n := bytes.IndexByte(data[whole:], '\n')
		if n < 0 {
			return entries, whole, nil
		}
		e, ok := parseLine(data[whole : whole+n])
		if !ok {
			if whole+n+1 == len(data) {
				return entries, whole, nil // the line end came to the disk before the rest
			}
			return nil, 0, fmt.Errorf("%w: line %d", ErrDamaged, len(entries)+1)
		}
		entries = append(entries, e)
		whole += n + 1
	}
	return entries, whole, nil
}

func parseLine(line []byte) (Entry, bool) {
	var e Entry
	sum, text, found := bytes.Cut(line, []byte{' '})
	if !found || len(sum) != 8 {
		return e, false
	}
	want, err := strconv.ParseUint(string(sum), 16, 32)
	if err != nil || uint32(want) != crc32.Checksum(text, castagnoli) {
		return e, false
	}
	return e, json.Unmarshal(text, &e) == nil
}
