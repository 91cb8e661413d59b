// Package serverlog reads what a server of ours wrote into its log while a test
// or a measurement ran it, and finds what should not be there: lines of level
// ERROR, and a process that panicked. That all mail arrived once proves less when
// the spool tells meanwhile that it deleted a key which was not written once.
//
// It judges no mail and knows of no test: who causes errors names them. A log that
// cannot be read is an error, since nothing is known then.
package serverlog

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// longest is the longest line that is read: one with a stack in it.
const longest = 4 << 20

// ends are the beginnings of lines that Go's runtime writes.
var ends = []string{"panic: ", "fatal error: ", "WARNING: DATA RACE"}

// Faults gives the lines of a log that are errors, but for those whose message
// begins with one that is expected.
func Faults(log io.Reader, expected ...string) ([]string, error) {
	var out []string
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, longest)
	for lines.Scan() {
		if line := strings.TrimRight(lines.Text(), "\r"); isFault(line, expected) {
			out = append(out, line)
		}
	}
	return out, lines.Err()
}

// FaultsOf is Faults for a file.
func FaultsOf(path string, expected ...string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	out, err := Faults(f, expected...)
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return out, err
}

func isFault(line string, expected []string) bool {
	begins := func(with string) bool { return strings.HasPrefix(line, with) }
	if slices.ContainsFunc(ends, begins) {
		return true
	}
	for _, mark := range []struct{ level, message string }{
		{" level=ERROR ", " msg="}, {`"level":"ERROR"`, `"msg":`},
	} {
		if strings.Contains(line, mark.level) {
			_, message, _ := strings.Cut(line, mark.message)
			message = strings.TrimPrefix(message, `"`)
			return !slices.ContainsFunc(expected, func(e string) bool { return strings.HasPrefix(message, e) })
		}
	}
	return false
}
