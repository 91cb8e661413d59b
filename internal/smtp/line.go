package smtp

import (
	"bufio"
	"bytes"
	"errors"
)

// Limits of one line with its CR LF.
const (
	// MaxCommandLine is 512 octets (RFC 5321 s4.5.3.1.4) and the room that the
	// extensions ask for: ENVID, AUTH and ORCPT of 500 octets each at most.
	MaxCommandLine = 2048
	// MaxAuthLine bounds a line of a SASL exchange (RFC 4954 s4).
	MaxAuthLine = 12288
	// maxDrain bounds what is thrown away behind a line that is too long.
	maxDrain = 1 << 16
)

// Errors of ReadLine. After ErrLineTooLong and ErrBareNewline the line is
// consumed and the next one can be read; ErrEndlessLine leaves nothing to hope.
var (
	ErrLineTooLong = errors.New("smtp: line too long")
	ErrBareNewline = errors.New("smtp: bare CR or LF")
	ErrEndlessLine = errors.New("smtp: line without end")
)

// ReadLine reads one line that ends in CR LF and gives it without them. The
// slice is valid until the next read. A line ends at LF, but one whose LF has no CR
// before it, or that holds another CR, is refused (RFC 5321 s2.3.8): two
// servers that disagree on where a line ends can be played off against each
// other. The buffer of br must hold at least max octets.
func ReadLine(br *bufio.Reader, max int) ([]byte, error) {
	line, err := br.ReadSlice('\n')
	if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
		return nil, err
	}
	if err != nil {
		return nil, drainLine(br)
	}
	if len(line) > max {
		return nil, ErrLineTooLong
	}
	if len(line) < 2 || bytes.IndexByte(line, '\r') != len(line)-2 {
		return nil, ErrBareNewline
	}
	return line[:len(line)-2], nil
}

// drainLine throws the rest of an overlong line away.
func drainLine(br *bufio.Reader) error {
	for n := 0; n < maxDrain; {
		part, err := br.ReadSlice('\n')
		n += len(part)
		if err == nil {
			return ErrLineTooLong
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
	return ErrEndlessLine
}

// HasLine tells whether a whole line is buffered, so that reading it does not
// block. Replies are flushed when it does not hold (RFC 2920 s3.2).
func HasLine(br *bufio.Reader) bool {
	b, _ := br.Peek(br.Buffered()) // never fails: that much is there
	return bytes.IndexByte(b, '\n') >= 0
}
