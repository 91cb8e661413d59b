package directory

import (
	"errors"
	"io/fs"
	"time"
)

// errEmptied is why a file is not believed yet.
var errEmptied = errors.New("is empty and was not before; taken when it stays so")

// A file in place of another one may still be being written, and one that was
// emptied a moment ago most likely is.
const (
	settleFile  = 250 * time.Millisecond
	settleEmpty = 30 * time.Second
)

// isFresh tells that a file with content was written just now.
func isFresh(info fs.FileInfo, now time.Time) bool {
	age := now.Sub(info.ModTime())
	return info.Size() > 0 && age >= 0 && age < settleFile
}

// isEmptied tells that a file has been empty for a short time only.
func isEmptied(info fs.FileInfo, now time.Time) bool {
	age := now.Sub(info.ModTime())
	return info.Mode().IsRegular() && info.Size() == 0 && age >= 0 && age < settleEmpty
}
