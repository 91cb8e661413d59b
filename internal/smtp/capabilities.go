package smtp

import (
	"strconv"
	"strings"

	"github.com/postroad/postroad/internal/mail"
)

// Capabilities is what a host said after EHLO or LHLO. The zero value is a host
// that knows none of it (RFC 821).
type Capabilities struct {
	Name       string // what the host calls itself
	Extended   bool   // answered EHLO or LHLO
	Pipelining bool   // RFC 2920
	Size       bool   // RFC 1870
	SizeMax    int64  // 0: not bounded
	EightBit   bool   // RFC 6152
	SMTPUTF8   bool   // RFC 6531
	DSN        bool   // RFC 3461
	StartTLS   bool   // RFC 3207
	Auth       []string
	RcptMax    int // of a transaction (RFC 9422), 0: not said
}

// ParseCapabilities reads the reply to EHLO or LHLO. A line that makes no sense
// is a capability that is not there.
func ParseCapabilities(r mail.Reply) Capabilities {
	c := Capabilities{Extended: true}
	first, rest, _ := strings.Cut(r.Text, "\n")
	c.Name, _, _ = strings.Cut(strings.TrimSpace(first), " ")
	for rest != "" {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		c.add(line)
	}
	return c
}

func (c *Capabilities) add(line string) {
	// "AUTH=PLAIN" is how servers before RFC 2554 wrote it.
	if len(line) > 5 && strings.EqualFold(line[:5], "AUTH=") {
		line = "AUTH " + line[5:]
	}
	words := strings.Fields(line)
	if len(words) == 0 {
		return
	}
	switch strings.ToUpper(words[0]) {
	case "PIPELINING":
		c.Pipelining = true
	case "SIZE":
		c.Size = true
		if len(words) > 1 {
			c.SizeMax = parsePositive(words[1])
		}
	case "8BITMIME":
		c.EightBit = true
	case "SMTPUTF8":
		c.SMTPUTF8 = true
	case "DSN":
		c.DSN = true
	case "STARTTLS":
		c.StartTLS = true
	case "AUTH":
		for _, m := range words[1:] {
			c.Auth = append(c.Auth, strings.ToUpper(m))
		}
	case "LIMITS":
		for _, l := range words[1:] {
			if name, value, ok := strings.Cut(l, "="); ok && strings.EqualFold(name, "RCPTMAX") {
				c.RcptMax = int(min(parsePositive(value), 1<<20))
			}
		}
	}
}

// parsePositive gives 0 for what is no number above zero.
func parsePositive(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// Offers tells whether a SASL mechanism is offered.
func (c Capabilities) Offers(mechanism string) bool {
	for _, m := range c.Auth {
		if m == mechanism {
			return true
		}
	}
	return false
}
