package file

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"unicode/utf8"
)

// maxLine bounds one logical line: 100 000 targets of an alias fit.
const maxLine = 8 << 20

// lines reads lines and knows their numbers. The texts it gives are valid
// until the next call.
type lines struct {
	r        *bufio.Reader
	problems *Problems
	number   int    // of the physical line last read
	ahead    []byte // physical line read but not yet given; nil: none
	text     []byte // logical line being put together
	err      error  // sticky
}

func newLines(r io.Reader, problems *Problems) *lines {
	l := &lines{r: bufio.NewReaderSize(r, 256<<10), problems: problems}
	if mark, _ := l.r.Peek(3); string(mark) == "\xef\xbb\xbf" {
		_, _ = l.r.Discard(3) // a byte order mark is no part of the first key
	}
	return l
}

// physical reads one line without its line end, skipping empty ones and
// comments. It gives nil at the end or on an error.
func (l *lines) physical(buf []byte) []byte {
	for l.err == nil {
		buf = l.raw(buf[:0])
		if l.err != nil && len(buf) == 0 {
			return nil
		}
		l.number++
		buf = bytes.TrimRight(buf, " \t\r\n")
		start := bytes.TrimLeft(buf, " \t")
		if len(start) == 0 || start[0] == '#' {
			continue
		}
		if bytes.IndexByte(buf, 0) >= 0 || !utf8.Valid(buf) {
			l.problems.add(l.number, "not a line of text (UTF-8)")
			continue
		}
		return buf
	}
	return nil
}

// raw appends one line to buf as it stands in the file.
func (l *lines) raw(buf []byte) []byte {
	for {
		part, err := l.r.ReadSlice('\n')
		buf = append(buf, part...)
		if len(buf) > maxLine {
			l.problems.add(l.number+1, "line longer than %d octets", maxLine)
			l.err = io.EOF
			return nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			l.err = err
			return buf
		}
	}
}

// next gives a logical line as Postfix's tables have it: a line that starts
// with white space continues the one before. ok is false at the end.
func (l *lines) next() (text []byte, number int, ok bool) {
	if l.ahead == nil {
		l.ahead = l.physical(nil)
	}
	if l.ahead == nil {
		return nil, 0, false
	}
	number = l.number
	l.text = append(l.text[:0], l.ahead...)
	if isSpace(l.text[0]) {
		l.problems.add(number, "starts with white space, but there is no line before it to continue")
	}
	for {
		l.ahead = l.physical(l.ahead)
		if l.ahead == nil || !isSpace(l.ahead[0]) {
			return l.text, number, true
		}
		l.text = append(l.text, l.ahead...)
		if len(l.text) > maxLine {
			l.problems.add(number, "line longer than %d octets", maxLine)
			l.err = io.EOF
			return nil, 0, false
		}
	}
}

// failed gives the error of the reader, if it was one.
func (l *lines) failed() error {
	if l.err == nil || errors.Is(l.err, io.EOF) {
		return nil
	}
	return l.err
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }
