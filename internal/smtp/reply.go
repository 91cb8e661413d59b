package smtp

import (
	"bufio"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/postroad/postroad/internal/mail"
)

// Bounds of one reply. RFC 5321 s4.5.3.1.5 gives 512 octets a line; real hosts
// pass it, none needs more than these.
const (
	replyLineMax  = 4096
	replyLinesMax = 200
	replyTextMax  = 16 << 10
)

// ErrReply means that the remote does not speak SMTP: no code, a code that
// changes between the lines of one reply, or a reply without end.
var ErrReply = errors.New("smtp: garbled reply")

// ReadReply reads one reply of any number of lines (RFC 5321 s4.2.1). A bare LF
// ends a line too: a reply is never relayed, so nothing can be smuggled in it.
// The text holds nothing that could harm a terminal, a log or a DSN: control
// and format characters and broken UTF-8 become "?". br needs a buffer of at
// least one line. Errors are ErrReply and those of the connection.
func ReadReply(br *bufio.Reader) (mail.Reply, error) {
	var r mail.Reply
	var text []byte
	for n := 0; ; n++ {
		line, err := replyLine(br)
		if err != nil {
			return mail.Reply{}, err
		}
		code, more, rest, ok := parseReplyLine(line)
		if !ok || (n > 0 && code != r.Code) || n == replyLinesMax {
			return mail.Reply{}, ErrReply
		}
		if n == 0 {
			r.Code = code
			r.Enhanced = enhancedStatus(rest, code)
		} else {
			text = append(text, '\n')
		}
		text = appendClean(text, cutStatus(rest, r.Enhanced))
		if len(text) > replyTextMax {
			return mail.Reply{}, ErrReply
		}
		if !more {
			r.Text = string(text)
			return r, nil
		}
	}
}

// replyLine gives a line without its end; it shares br's memory.
func replyLine(br *bufio.Reader) ([]byte, error) {
	line, err := br.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return nil, ErrReply
	}
	if err != nil {
		return nil, err
	}
	if len(line) > replyLineMax {
		return nil, ErrReply
	}
	line = line[:len(line)-1]
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line, nil
}

// parseReplyLine splits "250-text", "250 text" and a bare "250", which clients
// should accept (RFC 5321 s4.2).
func parseReplyLine(line []byte) (code int, more bool, rest []byte, ok bool) {
	if len(line) < 3 || line[0] < '2' || line[0] > '5' || !isDigit(line[1]) || !isDigit(line[2]) {
		return 0, false, nil, false
	}
	code = int(line[0]-'0')*100 + int(line[1]-'0')*10 + int(line[2]-'0')
	if len(line) == 3 {
		return code, false, nil, true
	}
	if line[3] != ' ' && line[3] != '-' {
		return 0, false, nil, false
	}
	return code, line[3] == '-', line[4:], true
}

// enhancedStatus gives the status at the start of text (RFC 2034 s4), when its
// class is that of the code.
func enhancedStatus(text []byte, code int) string {
	n := statusLen(text)
	if n == 0 || int(text[0]-'0') != code/100 {
		return ""
	}
	return string(text[:n])
}

// statusLen is the length of "c.s.d" (RFC 3463 s2) at the start of text, 0
// when it has none.
func statusLen(text []byte) int {
	if len(text) < 5 || (text[0] != '2' && text[0] != '4' && text[0] != '5') {
		return 0
	}
	i := 1
	for range 2 {
		if i >= len(text) || text[i] != '.' {
			return 0
		}
		i++
		start := i
		for i < len(text) && isDigit(text[i]) && i-start < 3 {
			i++
		}
		if i == start {
			return 0
		}
	}
	if i < len(text) && text[i] != ' ' {
		return 0
	}
	return i
}

// cutStatus takes the reply's status off a line; it stands on every line of a
// reply (RFC 2034 s4), and once is enough for people.
func cutStatus(text []byte, status string) []byte {
	if status == "" || len(text) < len(status) || string(text[:len(status)]) != status {
		return text
	}
	rest := text[len(status):]
	if len(rest) == 0 {
		return rest
	}
	if rest[0] != ' ' {
		return text
	}
	return rest[1:]
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// appendClean appends s with everything unprintable replaced by "?".
func appendClean(dst, s []byte) []byte {
	for len(s) > 0 {
		if c := s[0]; c >= ' ' && c < 0x7f {
			dst = append(dst, c)
			s = s[1:]
			continue
		}
		r, n := utf8.DecodeRune(s)
		if n > 1 && unicode.IsPrint(r) {
			dst = append(dst, s[:n]...)
		} else {
			dst = append(dst, '?')
		}
		s = s[n:]
	}
	return dst
}

// ClipReply bounds the text of a reply to max octets, whole characters kept.
func ClipReply(r mail.Reply, max int) mail.Reply {
	if len(r.Text) <= max {
		return r
	}
	cut := max
	for cut > 0 && !utf8.RuneStart(r.Text[cut]) {
		cut--
	}
	r.Text = strings.TrimRight(r.Text[:cut], "\n ") + "…"
	return r
}
