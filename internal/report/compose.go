package report

import (
	"bytes"
	"mime/quotedprintable"
	"time"
)

// dateFormat is date-time of RFC 5322 s3.3.
const dateFormat = "Mon, 02 Jan 2006 15:04:05 -0700"

// composer writes one report.
type composer struct {
	in       Input
	utf8     bool // the forms of RFC 6533
	words    words
	ret      returned
	boundary string
	// delimiter is the line end that belongs to the next boundary: none for the
	// first, which follows the header.
	delimiter string
	b         bytes.Buffer
}

func (c *composer) write() {
	text := c.humanText()
	status := c.deliveryStatus()
	c.header(isASCII(string(text)) && isASCII(string(status)) && c.ret.ascii)
	c.textPart(text)
	c.part("Delivery report", c.form("message/delivery-status", "message/global-delivery-status"), isASCII(string(status)))
	c.b.Write(status)
	c.returnedPart()
	c.b.WriteString("\r\n--" + c.boundary + "--\r\n")
}

// form chooses between a media type and the one that RFC 6533 puts in its place.
func (c *composer) form(plain, global string) string {
	if c.utf8 {
		return global
	}
	return plain
}

// header writes the header of the whole. The From address answers by MAILER-DAEMON,
// and RFC 3834 s5 keeps other programs from answering at all.
func (c *composer) header(ascii bool) {
	host := string(c.in.Hostname)
	c.field("From", "Mail Delivery System <MAILER-DAEMON@"+host+">")
	c.field("To", "<"+c.in.Notice.Job.Sender.Address.String()+">")
	c.field("Subject", c.words.subject)
	c.field("Date", c.in.Now.UTC().Format(dateFormat))
	c.field("Message-ID", "<"+c.in.Token+"@"+host+">")
	if id := c.ret.messageID; id != "" {
		c.field("In-Reply-To", id)
		c.field("References", id)
	}
	c.field("Auto-Submitted", "auto-replied")
	c.field("MIME-Version", "1.0")
	c.field("Content-Type", `multipart/report; report-type=delivery-status; boundary="`+c.boundary+`"`)
	// Quoted-printable is all ASCII on the wire, so only the forms of RFC 6533 and
	// an 8-bit original ask for 8bit here.
	if ascii || (!c.utf8 && c.ret.ascii) {
		c.field("Content-Transfer-Encoding", "7bit")
	} else {
		c.field("Content-Transfer-Encoding", "8bit")
	}
	c.b.WriteString("\r\n")
}

// part begins a body part; content has its ASCII-ness in ascii.
func (c *composer) part(description, mediaType string, ascii bool) {
	c.begin(description, mediaType, transferEncoding(ascii))
}

func transferEncoding(ascii bool) string {
	if ascii {
		return "7bit"
	}
	return "8bit"
}

func (c *composer) begin(description, mediaType, encoding string) {
	c.b.WriteString(c.delimiter + "--" + c.boundary + "\r\n")
	c.delimiter = "\r\n"
	c.field("Content-Description", description)
	c.field("Content-Type", mediaType)
	c.field("Content-Transfer-Encoding", encoding)
	c.b.WriteString("\r\n")
}

// textPart writes the part for people. Some hosts reply in UTF-8 without
// being asked to; quoted-printable carries that over any road.
func (c *composer) textPart(text []byte) {
	switch {
	case isASCII(string(text)):
		c.begin("Notification", "text/plain; charset=us-ascii", "7bit")
	case c.utf8:
		c.begin("Notification", "text/plain; charset=utf-8", "8bit")
	default:
		c.begin("Notification", "text/plain; charset=utf-8", "quoted-printable")
		w := quotedprintable.NewWriter(&c.b)
		_, _ = w.Write(text) // a bytes.Buffer takes everything
		_ = w.Close()
		return
	}
	c.b.Write(text)
}

// returnedPart writes what is returned of the original.
func (c *composer) returnedPart() {
	switch {
	case c.ret.data == nil:
		return
	case c.ret.full:
		c.part("Undelivered message", c.form("message/rfc822", "message/global"), c.ret.ascii)
	default:
		c.part("Header of the message", c.form("text/rfc822-headers", "message/global-headers"), c.ret.ascii)
	}
	c.b.Write(c.ret.data)
}

// field writes one header field.
func (c *composer) field(name, value string) { writeField(&c.b, name, value) }

// date gives t for people and for fields alike.
func date(t time.Time) string { return t.UTC().Format(dateFormat) }
