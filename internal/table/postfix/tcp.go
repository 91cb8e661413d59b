package postfix

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/postroad/postroad/internal/table"
)

func lines() protocol {
	return protocol{
		request: func(key string) []byte { return []byte("get " + encode(key) + "\n") },
		reply:   line,
		answer:  tcpAnswer,
	}
}

// encode writes all that is no plain character as %XX (tcp_table(5)).
func encode(key string) string {
	var b strings.Builder
	for i := range len(key) {
		if c := key[i]; c > ' ' && c < 0x7f && c != '%' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	return b.String()
}

func decode(text string) (string, bool) {
	var b strings.Builder
	for {
		plain, rest, more := strings.Cut(text, "%")
		b.WriteString(plain)
		if !more {
			return b.String(), true
		}
		if len(rest) < 2 {
			return "", false
		}
		octet, err := hex.DecodeString(rest[:2])
		if err != nil {
			return "", false
		}
		b.Write(octet)
		text = rest[2:]
	}
}

// line reads one, without its end.
func line(in *bufio.Reader) (string, error) {
	var text []byte
	for {
		piece, err := in.ReadSlice('\n')
		if text = append(text, piece...); len(text) > maxReply {
			return "", errReply
		}
		if err == nil {
			return strings.TrimSuffix(string(text[:len(text)-1]), "\r"), nil
		}
		if err != bufio.ErrBufferFull {
			return "", err
		}
	}
}

func tcpAnswer(reply string) table.Answer {
	code, rest, _ := strings.Cut(reply, " ")
	value, well := decode(rest)
	switch {
	case code == "200" && well:
		return found(value)
	case code == "500":
		return table.Answer{Status: table.NotFound}
	case code == "400":
		return table.Answer{Cause: said(reply)}
	}
	return table.Answer{Cause: fmt.Errorf("%w: %.200q", errReply, reply)}
}
