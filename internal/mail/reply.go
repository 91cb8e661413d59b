package mail

import (
	"fmt"
	"strings"
)

// Reply is an SMTP reply: a three digit code, an enhanced status ("5.1.1", may
// be empty) and a text whose lines are separated by "\n".
type Reply struct {
	Code     int
	Enhanced string
	Text     string
}

// IsZero tells whether there is no reply at all.
func (r Reply) IsZero() bool { return r.Code == 0 }

// Positive, Transient and Permanent classify the code (RFC 5321 s4.2.1).
func (r Reply) Positive() bool { return r.Code >= 200 && r.Code < 300 }

// Transient tells whether the code is 4yz.
func (r Reply) Transient() bool { return r.Code >= 400 && r.Code < 500 }

// Permanent tells whether the code is 5yz.
func (r Reply) Permanent() bool { return r.Code >= 500 && r.Code < 600 }

// String is the reply on one line, for people: "550 5.1.1 no such user".
func (r Reply) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d", r.Code)
	if r.Enhanced != "" {
		b.WriteByte(' ')
		b.WriteString(r.Enhanced)
	}
	if r.Text != "" {
		b.WriteByte(' ')
		b.WriteString(strings.ReplaceAll(r.Text, "\n", " / "))
	}
	return b.String()
}
