package receive

import (
	"bytes"
	"context"
	"time"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

const (
	// maxHeader bounds the header, which is held in memory until it is whole.
	maxHeader = 256 << 10
	// usualHeader is what a header may take without asking. headerMemory is what
	// all that are longer take together: many clients with endless headers wait,
	// and do not cost us the memory that mail needs.
	usualHeader  = 16 << 10
	headerMemory = 32 << 20
)

// Faults of a header; the data is read to its end all the same.
var (
	errHeaderTooBig = &mail.Error{Op: "receive.body",
		Reply: mail.Reply{Code: 552, Enhanced: "5.3.4", Text: "message header is too big"}}
	errHeaderMemory = &mail.Error{Op: "receive.body",
		Reply: mail.Reply{Code: 452, Enhanced: "4.3.1", Text: "too many large headers at once, try again later"}}
	errHeaderBroken = &mail.Error{Op: "receive.body",
		Reply: mail.Reply{Code: 550, Enhanced: "5.6.0", Text: "message header is malformed"}}
)

// Body takes the octets of a message and passes them on to a draft, behind the
// trace field that this hop adds. The header is held back until it is whole:
// it is what decide looks at, and what a submission may lack fields in.
type Body struct {
	t         *Transaction
	draft     spool.Draft
	arrived   time.Time
	head      *[]byte // pooled: our fields, then the header as it comes
	own       int     // octets of our fields in head
	reserved  int64   // octets of headerMemory
	scanned   int     // octets of head in which the end was looked for
	passed    bool    // the header went on; the rest is not held back
	size      int64   // octets stored
	received  int64   // octets of the message as the client sent it
	messageID string  // one that we added
	plain     bool    // lines end in CR LF and none begins with a dot
}

// Body opens the draft that takes the message. hop is what its Received field
// tells; the zero Hop adds none. Errors are *mail.Error.
func (t *Transaction) Body(ctx context.Context, hop Hop) (*Body, error) {
	create := t.acceptor.store.Create
	if t.facts.Origin == decide.OriginReport {
		create = t.acceptor.store.CreateReport
	}
	draft, err := create(ctx)
	if err != nil {
		return nil, storeError(err)
	}
	b := &Body{t: t, draft: draft, arrived: now(), head: t.acceptor.borrow()}
	if hop != (Hop{}) {
		*b.head = hop.append(*b.head, receivedFor(t, draft.ID(), b.arrived))
	}
	b.own = len(*b.head)
	t.body = b
	return b, nil
}

func (a *Acceptor) borrow() *[]byte {
	if p, ok := a.heads.Get().(*[]byte); ok {
		return p
	}
	p := make([]byte, 0, 8<<10)
	return &p
}

// Write takes the next octets. Errors are *mail.Error: what the draft said, or a
// fault of the header.
func (b *Body) Write(p []byte) (int, error) {
	b.received += int64(len(p))
	if b.passed {
		return b.store(p)
	}
	before := len(*b.head)
	if !b.reserve(before + len(p)) {
		return 0, errHeaderMemory
	}
	*b.head = append(*b.head, p...)
	end := b.headerEnd()
	if end < 0 && len(*b.head)-b.own <= maxHeader {
		return len(p), nil
	}
	if end < 0 {
		if !b.isBodyOnly() {
			return 0, errHeaderTooBig
		}
		end = len(*b.head)
	}
	// What belongs to the body is written from where it lies.
	rest := p[end-before:]
	*b.head = (*b.head)[:end]
	if err := b.passHeader(); err != nil {
		return 0, err
	}
	if len(rest) > 0 {
		if _, err := b.store(rest); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// reserve takes a share of the memory for headers of n octets that are longer
// than usual; false means that there is none left.
func (b *Body) reserve(n int) bool {
	for b.reserved+usualHeader < int64(n) {
		if b.t.acceptor.headers.Add(usualHeader) > headerMemory {
			b.t.acceptor.headers.Add(-usualHeader)
			return false
		}
		b.reserved += usualHeader
	}
	return true
}

// isBodyOnly tells that the header ended long ago with a line that is no field,
// so that no empty line need come any more.
func (b *Body) isBodyOnly() bool {
	msg := (*b.head)[b.own:]
	msg = msg[:bytes.LastIndexByte(msg, '\n')+1]
	_, end := mail.ScanHeader(msg)
	return end < len(msg)
}

// headerEnd is the offset behind the empty line that ends the header, or -1.
func (b *Body) headerEnd() int {
	msg := (*b.head)[b.own:]
	if bytes.HasPrefix(msg, []byte("\r\n")) {
		return b.own + 2
	}
	from := max(0, b.scanned-3)
	b.scanned = len(msg)
	if i := bytes.Index(msg[from:], []byte("\r\n\r\n")); i >= 0 {
		return b.own + from + i + 4
	}
	return -1
}

// passHeader reads the header and sends it on, with what it lacks.
func (b *Body) passHeader() error {
	b.passed = true
	msg := (*b.head)[b.own:]
	header, end := mail.ScanHeader(msg)
	b.t.header = header
	if b.isSubmission() && len(header) > 0 && isFieldless(msg[end:]) {
		// Fields behind the fault would escape the check of who may write as whom.
		return errHeaderBroken
	}
	add := b.missing(header)
	if added, _ := mail.ScanHeader(add); len(added) > 0 {
		b.t.header = append(added, header...) // as they stand in the message now
	}
	if len(header) == 0 && len(msg) > 0 && end == 0 && msg[0] != '\r' {
		// A body without header: an empty line keeps our own fields apart from it.
		add = append(add, "\r\n"...)
	}
	if len(add) > 0 {
		if _, err := b.store((*b.head)[:b.own]); err != nil {
			return err
		}
		if _, err := b.store(add); err != nil {
			return err
		}
		_, err := b.store(msg)
		return err
	}
	_, err := b.store(*b.head)
	return err
}

// isFieldless tells that the header ended with a line that is no field, and not
// with the empty one.
func isFieldless(rest []byte) bool {
	return len(rest) > 0 && rest[0] != '\r' && rest[0] != '\n'
}

func (b *Body) isSubmission() bool { return b.t.facts.Login.Name != "" }

func (b *Body) store(p []byte) (int, error) {
	n, err := b.draft.Write(p)
	b.size += int64(n)
	if err != nil {
		return n, storeError(err)
	}
	return n, nil
}

// finish passes on a header that no empty line ended. Errors are those of Write.
func (b *Body) finish() error {
	if b.passed {
		return nil
	}
	return b.passHeader()
}

// release aborts the draft, which does nothing after a commit, and gives the
// memory of the header back: nothing may look at the header from now on.
func (b *Body) release() {
	if b.draft != nil {
		b.draft.Abort()
		b.draft = nil
	}
	if b.head != nil {
		b.t.acceptor.headers.Add(-b.reserved)
		b.reserved = 0
		if *b.head = (*b.head)[:0]; cap(*b.head) <= 2*usualHeader {
			b.t.acceptor.heads.Put(b.head)
		}
		b.head, b.t.header, b.t.facts.Header = nil, nil, nil
	}
}

// missing gives the fields that an authenticated submission lacks (RFC 6409
// s8.1 to s8.3). Mail that is only passing through is not touched.
func (b *Body) missing(h mail.Header) []byte {
	if !b.isSubmission() {
		return nil
	}
	var add []byte
	if _, ok := h.Get("Date"); !ok {
		add = b.arrived.AppendFormat(append(add, "Date: "...), dateFormat)
		add = append(add, "\r\n"...)
	}
	if _, ok := h.Get("From"); !ok && !b.t.envelope.Sender.IsNull() {
		add = append(append(append(add, "From: <"...), b.t.envelope.Sender.String()...), ">\r\n"...)
	}
	if _, ok := h.Get("Message-ID"); !ok {
		b.messageID = "<" + b.draft.ID().String() + "@" + string(b.t.gen.Config.Hostname) + ">"
		add = append(append(append(add, "Message-ID: "...), b.messageID...), "\r\n"...)
	}
	return add
}
