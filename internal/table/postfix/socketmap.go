package postfix

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/postroad/postroad/internal/table"
	"github.com/postroad/postroad/internal/table/remote"
)

func socketmap(name string) protocol {
	return protocol{
		request: func(key string) []byte {
			return fmt.Appendf(nil, "%d:%s %s,", len(name)+1+len(key), name, key)
		},
		reply:  netstring,
		answer: socketmapAnswer,
	}
}

// netstring reads one (cr.yp.to/proto/netstrings.txt).
func netstring(in *bufio.Reader) (string, error) {
	size := 0
	for digits := 0; ; digits++ {
		c, err := in.ReadByte()
		if err != nil {
			return "", err
		}
		if c == ':' && digits > 0 {
			break
		}
		// A length has no zero in front of it.
		if c < '0' || c > '9' || digits > 0 && size == 0 {
			return "", errReply
		}
		if size = 10*size + int(c-'0'); size > maxReply {
			return "", errReply
		}
	}
	text := make([]byte, size+1)
	if _, err := io.ReadFull(in, text); err != nil {
		return "", err
	}
	if text[size] != ',' {
		return "", errReply
	}
	return string(text[:size]), nil
}

func socketmapAnswer(reply string) table.Answer {
	word, rest, _ := strings.Cut(reply, " ")
	switch word {
	case "OK":
		return found(rest)
	case "NOTFOUND":
		return table.Answer{Status: table.NotFound}
	case "PERM":
		return table.Answer{Cause: fmt.Errorf("%w: %w", remote.ErrKey, said(reply))}
	case "TEMP", "TIMEOUT":
		return table.Answer{Cause: said(reply)}
	}
	return table.Answer{Cause: fmt.Errorf("%w: %.200q", errReply, reply)}
}
