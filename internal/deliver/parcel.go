package deliver

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"io"

	"github.com/postroad/postroad/internal/spool"
)

// parcel is the body of a request: an envelope and a message. It is read as often
// as it is opened and never held in memory.
type parcel struct {
	before, after []byte
	header        []byte // fields in front of the message
	message       spool.Body
	boundary      string // "": JSON, the message in base64
}

func newParcel(format string, envelope, header []byte, message spool.Body) *parcel {
	p := &parcel{header: header, message: message}
	if format == "json" {
		p.before = append(append([]byte(`{"envelope":`), envelope...), `,"message":"`...)
		p.after = []byte(`"}`)
		return p
	}
	p.boundary = "postroad-" + rand.Text() // 130 bits: no message holds it
	dash := "--" + p.boundary
	p.before = []byte(dash + "\r\nContent-Disposition: form-data; name=\"envelope\"\r\nContent-Type: application/json\r\n\r\n" + string(envelope) +
		"\r\n" + dash + "\r\nContent-Disposition: form-data; name=\"message\"; filename=\"message.eml\"\r\nContent-Type: message/rfc822\r\n\r\n")
	p.after = []byte("\r\n" + dash + "--\r\n")
	return p
}

func (p *parcel) contentType() string {
	if p.boundary == "" {
		return "application/json"
	}
	return "multipart/form-data; boundary=" + p.boundary
}

// open gives the body from its beginning.
func (p *parcel) open() io.Reader {
	message := io.MultiReader(bytes.NewReader(p.header), io.NewSectionReader(p.message, 0, p.message.Size()))
	if p.boundary == "" {
		message = &base64Reader{from: message}
	}
	return io.MultiReader(bytes.NewReader(p.before), message, bytes.NewReader(p.after))
}

// size of the body in octets.
func (p *parcel) size() int64 {
	n := int64(len(p.header)) + p.message.Size()
	if p.boundary == "" {
		n = (n + 2) / 3 * 4
	}
	return int64(len(p.before)) + n + int64(len(p.after))
}

// base64Reader encodes what it reads.
type base64Reader struct {
	from  io.Reader
	in    [3 << 10]byte
	out   [4 << 10]byte
	ready []byte // of out
	err   error
}

func (r *base64Reader) Read(b []byte) (int, error) {
	if len(r.ready) == 0 && r.err == nil {
		n, err := io.ReadFull(r.from, r.in[:])
		if err == io.ErrUnexpectedEOF {
			err = io.EOF
		}
		r.err = err
		if err == nil || err == io.EOF { // half a group of a failed read would look like the end
			base64.StdEncoding.Encode(r.out[:], r.in[:n])
			r.ready = r.out[:base64.StdEncoding.EncodedLen(n)]
		}
	}
	n := copy(b, r.ready)
	r.ready = r.ready[n:]
	if n == 0 && len(b) > 0 {
		return 0, r.err
	}
	return n, nil
}
