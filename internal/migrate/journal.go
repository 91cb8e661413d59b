package migrate

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/postroad/postroad/internal/durable"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/table"
)

const (
	journalName = "migration.journal"
	// mostOctets bounds what is read at the start.
	mostOctets = 1 << 30
)

// ErrBroken is why nothing can be changed after a write that failed: nobody
// knows what of it is on the disk.
var ErrBroken = errors.New("migrate: the journal could not be written")

// SizeError is a file that is larger than what is read of it at the start, or that
// a change would make so. It is left as it is.
type SizeError struct {
	File         string
	Octets, Most int64
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("migrate: %s has %d octets, more than the %d that are read", e.File, e.Octets, e.Most)
}

// journal is the moves on disk and in memory.
type journal struct {
	now atomic.Pointer[moves]

	mu      sync.Mutex // guards what follows
	file    vfs.File
	size    int64
	broken  error
	entries []Entry
}

// openJournal reads the journal of a folder, and makes it when there is none.
func openJournal(disk vfs.FS, folder string) (*journal, error) {
	path := disk.PathJoin(folder, journalName)
	data, err := readFile(disk, path)
	if err != nil {
		return nil, err
	}
	entries, whole, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if data == nil || whole < len(data) {
		if err := durable.Replace(disk, path, path+".new", data[:whole]); err != nil {
			return nil, err
		}
	}
	file, err := disk.OpenReadWrite(path, durable.Category)
	if err != nil {
		return nil, err
	}
	j := &journal{file: file, size: int64(whole), entries: entries}
	j.now.Store(movesOf(entries))
	return j, nil
}

// movesOf is what entries amount to.
func movesOf(entries []Entry) *moves {
	m := &moves{answers: map[string]table.Answer{}, domains: map[string]mail.Domain{}}
	for _, e := range entries {
		m.apply(e)
	}
	return m
}

// append writes an entry, and lets it hold when it is durable.
func (j *journal) append(e Entry) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken != nil {
		return fmt.Errorf("%w: %w", ErrBroken, j.broken)
	}
	line, err := e.line()
	if err != nil {
		return err
	}
	n := int64(len(line))
	if j.size+n > mostOctets { // the next start would not read it
		return &SizeError{File: journalName, Octets: j.size + n, Most: mostOctets}
	}
	if _, err = j.file.WriteAt(line, j.size); err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		j.broken = err
		return fmt.Errorf("%w: %w", ErrBroken, err)
	}
	j.size += n
	j.entries = append(j.entries, e)
	next := j.now.Load().clone()
	next.apply(e)
	j.now.Store(next)
	return nil
}

func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.broken = fs.ErrClosed
	return j.file.Close()
}

// readFile gives nil for a file that is not there, and a SizeError for one that
// is too large: what is not read would be cut off as if a crash had left it.
func readFile(disk vfs.FS, path string) ([]byte, error) {
	f, err := disk.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if n := info.Size(); n > mostOctets {
		return nil, &SizeError{File: path, Octets: n, Most: mostOctets}
	}
	data, err := io.ReadAll(f)
	if data == nil {
		data = []byte{}
	}
	return data, err
}

// Read gives the table of the moves in a folder's journal, for those who look
// while no server runs. A folder without a journal has none.
func Read(folder string) (table.Resident, error) {
	data, err := readFile(vfs.Default, filepath.Join(folder, journalName))
	if err != nil {
		return nil, err
	}
	entries, _, err := parse(data)
	return movesOf(entries), err
}
