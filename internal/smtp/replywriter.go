package smtp

import (
	"bufio"
	"io"

	"github.com/postroad/postroad/internal/mail"
)

// maxReplyText leaves room for code, enhanced status and CR LF in the 512 octets
// of RFC 5321 s4.5.3.1.5.
const maxReplyText = 480

// ReplyWriter writes replies into a buffer that the session flushes once for
// each batch of commands (RFC 2920 s3.2). The first error of the connection
// stays and comes out of Flush.
type ReplyWriter struct{ w *bufio.Writer }

// NewReplyWriter writes to w.
func NewReplyWriter(w io.Writer) *ReplyWriter {
	return &ReplyWriter{w: bufio.NewWriterSize(w, 2048)}
}

// Reset throws away what is not flushed and writes to w from now on.
func (w *ReplyWriter) Reset(to io.Writer) { w.w.Reset(to) }

// Flush sends all replies written so far in one write.
func (w *ReplyWriter) Flush() error { return w.w.Flush() }

// Reply writes r, a line for each line of its text. The text may hold what a
// client or a remote host said: all but printable ASCII becomes "?".
func (w *ReplyWriter) Reply(r mail.Reply) {
	text := r.Text
	for {
		line, rest, more := cutLine(text)
		w.line(r, line, more)
		if !more {
			return
		}
		text = rest
	}
}

// Lines writes a reply of several lines without enhanced status, as the answer
// to EHLO is (RFC 2034 s4 keeps the codes out of it).
func (w *ReplyWriter) Lines(code int, lines ...string) {
	for i, line := range lines {
		w.line(mail.Reply{Code: code}, line, i < len(lines)-1)
	}
}

func (w *ReplyWriter) line(r mail.Reply, text string, more bool) {
	code := [4]byte{byte('0' + r.Code/100%10), byte('0' + r.Code/10%10), byte('0' + r.Code%10), ' '}
	if more {
		code[3] = '-'
	}
	w.w.Write(code[:]) // errors of a bufio.Writer stay until Flush
	if r.Enhanced != "" {
		w.w.WriteString(r.Enhanced)
		w.w.WriteByte(' ')
	}
	w.text(text)
	w.w.WriteString("\r\n")
}

func (w *ReplyWriter) text(s string) {
	if len(s) > maxReplyText {
		s = s[:maxReplyText]
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < ' ' || c > '~' {
			c = '?'
		}
		w.w.WriteByte(c)
	}
}

func cutLine(s string) (line, rest string, more bool) {
	for i := 0; i < len(s); i++ {
		if s[i] == '\n' {
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}
