package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/spool"
)

// Errors of Compose.
var (
	// ErrNotWanted: no recipient of the notice may be reported on (see Wanted).
	ErrNotWanted = errors.New("report: nobody asked for this report")
	// ErrToken: the token is not 8 to 60 letters and digits.
	ErrToken = errors.New("report: token is not made of letters and digits")
)

// MaxReturned is the size in octets up to which a failed message is returned
// whole, and the most of a header that is ever returned.
const MaxReturned = 50_000

// Input of a report.
type Input struct {
	Hostname mail.Domain // ours: Reporting-MTA, MAILER-DAEMON@, Message-ID
	Now      time.Time
	// Token makes Message-ID and boundary: 8 to 60 random letters and digits, drawn
	// anew for each report.
	Token  string
	Notice queue.Notice
	// Original is the message as stored, header and body; at most MaxReturned+1
	// octets are read. nil returns nothing of it.
	Original io.Reader
}

// Wanted tells whether a recipient with notify gets a report of kind about a
// message from sender. Nothing is ever sent to the null path. NOTIFY absent means
// FAILURE and DELAY (RFC 3461 s4.1).
func Wanted(kind queue.NoticeKind, notify mail.Notify, sender mail.Path) bool {
	if sender.IsNull() || notify&mail.NotifyNever != 0 {
		return false
	}
	switch kind {
	case queue.NoticeFailed:
		return notify == 0 || notify&mail.NotifyFailure != 0
	case queue.NoticeDelayed:
		return notify == 0 || notify&mail.NotifyDelay != 0
	default:
		return notify&mail.NotifySuccess != 0
	}
}

// SMTPUTF8 tells whether the report of n takes the forms of RFC 6533, and so must
// be sent with SMTPUTF8 and 8BITMIME. Others may need 8BITMIME, when the message
// that they return does.
func SMTPUTF8(n queue.Notice) bool {
	return n.Envelope.SMTPUTF8 || !isASCII(n.Job.Sender.String())
}

// Compose writes the report of in.Notice to the sender of its job, header
// included, with CRLF line ends. Recipients that did not ask for it are left out;
// ErrNotWanted when none is left. Errors of in.Original are returned.
//
// Final-Recipient is the address at which the message arrived last and so names the
// member of an alias; Original-Recipient appears when ORCPT was given, as
// RFC 3461 s6.3 demands of both.
func Compose(in Input) ([]byte, error) {
	if !validToken(in.Token) {
		return nil, ErrToken
	}
	in.Notice.Recipients = wanted(in.Notice)
	if len(in.Notice.Recipients) == 0 {
		return nil, ErrNotWanted
	}
	ret, err := readOriginal(in.Original, wantsFull(in.Notice))
	if err != nil {
		return nil, fmt.Errorf("report: reading the original message: %w", err)
	}
	c := composer{in: in, utf8: SMTPUTF8(in.Notice), words: wordsOf(in.Notice.Kind), ret: ret}
	c.boundary = freeBoundary(in.Token, ret.data)
	c.write()
	return c.b.Bytes(), nil
}

func validToken(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return len(s) >= 8 && len(s) <= 60
}

func wanted(n queue.Notice) []spool.Recipient {
	var out []spool.Recipient
	for _, r := range n.Recipients {
		if Wanted(n.Kind, r.Notify, n.Job.Sender) {
			out = append(out, r)
		}
	}
	return out
}

// freeBoundary gives a boundary that the returned message does not hold. One
// try is enough unless the token was guessed.
func freeBoundary(token string, data []byte) string {
	boundary := "=_" + token
	for bytes.Contains(data, []byte(boundary)) {
		boundary += "x"
	}
	return boundary
}
