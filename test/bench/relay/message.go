package main

import (
	"bytes"
	"strconv"
)

// lineOf is one line of a body.
const lineOf = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n"

// idField carries the number of a message.
const idField = "X-Bench-Id: "

// appendMessage writes a message of about size octets that carries its number in
// the header and in the body, and the dot after it.
func appendMessage(b []byte, n, size int) []byte {
	start := len(b)
	b = append(b, "From: <s@src.test>\r\nTo: <u@b.test>\r\nSubject: load\r\n"+idField...)
	b = strconv.AppendInt(b, int64(n), 10)
	b = append(b, "\r\n\r\n"...)
	b = appendBody(b, n, size-(len(b)-start))
	return append(b, ".\r\n"...)
}

func appendBody(b []byte, n, size int) []byte {
	start := len(b)
	b = strconv.AppendInt(b, int64(n), 10)
	b = append(b, " is the number of this message\r\n"...)
	lines := len(b)
	left := (size - (lines - start) + len(lineOf) - 1) / len(lineOf) * len(lineOf)
	if left > 0 {
		b = append(b, lineOf...)
		left -= len(lineOf)
	}
	for left > 0 { // as much again: line by line, 100 KB take six times as long
		n := min(left, len(b)-lines)
		b = append(b, b[lines:lines+n]...)
		left -= n
	}
	return b
}

// arrival is what the sink found in a message. A number of 0 is none.
type arrival struct {
	number int
	intact bool
}

// inspector compares what arrived with what was sent.
type inspector struct {
	size int    // of the messages
	want []byte // the last message that was looked at, as it was sent
}

// inspect looks at a message without its final dot.
func (i *inspector) inspect(msg []byte) arrival {
	header, body, _ := bytes.Cut(msg, []byte("\r\n\r\n"))
	_, rest, found := bytes.Cut(header, []byte(idField))
	if !found {
		return arrival{}
	}
	number, _, _ := bytes.Cut(rest, []byte("\r\n"))
	n, err := strconv.Atoi(string(number))
	if err != nil {
		return arrival{}
	}
	i.want = appendMessage(i.want[:0], n, i.size)
	_, want, _ := bytes.Cut(i.want, []byte("\r\n\r\n"))
	return arrival{n, bytes.Equal(body, want[:len(want)-len(".\r\n")])}
}
