package report

import (
	"bytes"
	"io"
	"strings"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/queue"
)

// returned is what a report gives back of the message.
type returned struct {
	data      []byte // nil: nothing
	full      bool   // with its body
	ascii     bool
	messageID string // "<…>", "" when there is none that is fit for a header
}

// wantsFull tells whether the body is returned: only where something failed
// (RFC 3461 s4.3), unless RET=HDRS was given.
func wantsFull(n queue.Notice) bool {
	return n.Kind == queue.NoticeFailed && n.Job.Ret != mail.RetHeaders
}

// readOriginal reads the message, or its header when full is not asked for or it
// is longer than MaxReturned.
func readOriginal(r io.Reader, full bool) (returned, error) {
	if r == nil {
		return returned{ascii: true}, nil
	}
	msg, err := io.ReadAll(io.LimitReader(r, MaxReturned+1))
	if err != nil {
		return returned{}, err
	}
	h, end := mail.ScanHeader(msg)
	ret := returned{full: full && len(msg) <= MaxReturned}
	if ret.full {
		ret.data = crlf(msg)
	} else {
		ret.data = headerOf(h, msg[:end], len(msg) > MaxReturned)
	}
	ret.ascii = isASCII(string(ret.data))
	if id, ok := h.Get("Message-ID"); ok && isMessageID(id) {
		ret.messageID = id
	}
	return ret, nil
}

// headerOf gives the header of a message. When the message was cut inside
// its header, the last field may be half of one and is left out.
func headerOf(h mail.Header, block []byte, cut bool) []byte {
	if cut && len(block) > MaxReturned && len(h) > 0 {
		block = block[:len(block)-len(h[len(h)-1].Raw)]
	}
	return crlf(block)
}

// crlf gives data with CR LF for every line end and at its end. The spool holds
// nothing else, but a bare one must not reach the wire through us. Never nil.
func crlf(data []byte) []byte {
	out := make([]byte, 0, len(data)+2)
	for i, c := range data {
		switch c {
		case '\r':
			out = append(out, "\r\n"...)
		case '\n':
			if i == 0 || data[i-1] != '\r' {
				out = append(out, "\r\n"...)
			}
		default:
			out = append(out, c)
		}
	}
	if len(out) > 0 && !bytes.HasSuffix(out, []byte("\r\n")) {
		out = append(out, "\r\n"...)
	}
	return out
}

// isMessageID tells whether id may stand in our header (RFC 5322 s3.6.4, narrowed
// to what needs no folding and no care).
func isMessageID(id string) bool {
	if len(id) < 5 || len(id) > 250 || id[0] != '<' || id[len(id)-1] != '>' {
		return false
	}
	in := id[1 : len(id)-1]
	for i := 0; i < len(in); i++ {
		if in[i] <= ' ' || in[i] >= 0x7f || strings.IndexByte(`<>()[]\,;:"`, in[i]) >= 0 {
			return false
		}
	}
	return strings.Count(in, "@") == 1
}
