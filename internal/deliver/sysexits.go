package deliver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

// Why a program was ended before its time.
var (
	errProgramTime   = errors.New("deliver: the program took too long")
	errProgramOutput = errors.New("deliver: the program wrote too much")
	errMessageRead   = errors.New("deliver: the message cannot be read")
)

// ended is how a program came to its end.
type ended struct {
	code   int   // exit code, -1 when a signal ended it
	err    error // it did not run, or was killed by us
	output []byte
}

// Exit codes of sysexits.h that end a delivery; all others, and signals, wait:
// they are a fault of the program or of its installation more often than of the
// message.
const (
	exOK          = 0
	exDataErr     = 65
	exNoUser      = 67
	exNoHost      = 68
	exUnavailable = 69
	exTempFail    = 75
	exNoPerm      = 77
)

// outputMax octets of a program's words become part of the reply.
const outputMax = 200

// verdict is what the end of a program means for its recipient.
func (e ended) verdict() (spool.State, mail.Reply) {
	switch {
	case errors.Is(e.err, context.Canceled), errors.Is(e.err, context.DeadlineExceeded):
		return spool.Waiting, mail.Reply{Code: 451, Enhanced: "4.3.2", Text: "delivery interrupted"}
	case errors.Is(e.err, errProgramTime):
		return spool.Waiting, mail.Reply{Code: 451, Enhanced: "4.4.1", Text: "program took too long"}
	case errors.Is(e.err, errProgramOutput):
		return spool.Waiting, mail.Reply{Code: 451, Enhanced: "4.3.0", Text: "program wrote too much"}
	case e.err != nil:
		return spool.Waiting, mail.Reply{Code: 451, Enhanced: "4.3.0", Text: "program cannot be run now"}
	}
	state, reply := e.byCode()
	if line := e.firstLine(); line != "" {
		reply.Text += ": " + line
	}
	return state, reply
}

func (e ended) byCode() (spool.State, mail.Reply) {
	refused := func(status, text string) (spool.State, mail.Reply) {
		return spool.Failed, mail.Reply{Code: 554, Enhanced: status, Text: text}
	}
	switch e.code {
	case exOK:
		return spool.Delivered, mail.Reply{Code: 250, Enhanced: "2.0.0", Text: "delivered to program"}
	case exDataErr:
		return refused("5.6.0", "program refuses the message")
	case exNoUser:
		return refused("5.1.1", "program knows no such user")
	case exNoHost:
		return refused("5.1.2", "program knows no such host")
	case exUnavailable:
		return refused("5.3.0", "program is not available")
	case exNoPerm:
		return refused("5.7.1", "program does not permit it")
	case exTempFail:
		return spool.Waiting, mail.Reply{Code: 450, Enhanced: "4.3.0", Text: "program asks to try again"}
	case -1:
		return spool.Waiting, mail.Reply{Code: 451, Enhanced: "4.3.0", Text: "program was ended by a signal"}
	}
	return spool.Waiting, mail.Reply{Code: 451, Enhanced: "4.3.0", Text: fmt.Sprintf("program failed with code %d", e.code)}
}

// firstLine of the output, with what is not plain text made visible.
func (e ended) firstLine() string {
	line, _, _ := bytes.Cut(bytes.TrimSpace(e.output), []byte("\n"))
	return visible(string(bytes.TrimSpace(line)))
}

// visible makes a line of what another program wrote, for logs and DSNs.
func visible(s string) string {
	var b strings.Builder
	for i := 0; i < len(s) && b.Len() < outputMax; i++ {
		if c := s[i]; c >= ' ' && c < 0x7f {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "\\x%02x", c)
		}
	}
	return b.String()
}
