package directory

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"

	"github.com/postroad/postroad/internal/config"
)

var (
	errDovecot     = errors.New("the server does not speak Dovecot's authentication protocol 1")
	errNoPlain     = errors.New("the server offers no PLAIN")
	errDovecotTemp = errors.New("the server cannot answer now")
)

// maxDovecotLine is what the protocol allows (AUTH_CLIENT_MAX_LINE_LENGTH).
const maxDovecotLine = 8 << 10

// dovecot asks Dovecot's auth service by its client protocol
// (https://doc.dovecot.org/developer_manual/design/auth_protocol). A connection is
// for one attempt: on a socket of the same machine it costs less than to keep one.
type dovecot struct{ network, address string }

func newDovecot(dir *config.Directory) *dovecot {
	if path, is := strings.CutPrefix(dir.Address, "unix:"); is {
		return &dovecot{"unix", path}
	}
	return &dovecot{"tcp", dir.Address}
}

func (d *dovecot) close() {}

func (d *dovecot) verify(ctx context.Context, a Attempt) (string, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, d.network, d.address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	s := &dovecotSession{in: bufio.NewReaderSize(conn, maxDovecotLine), out: conn}
	if err := s.handshake(); err != nil {
		return "", err
	}
	return s.ask(a)
}

type dovecotSession struct {
	in  *bufio.Reader
	out io.Writer
}

// handshake says who we are and reads what the server can do. Its pid must differ
// from that of every other connection, and means nothing else.
func (s *dovecotSession) handshake() error {
	if _, err := fmt.Fprintf(s.out, "VERSION\t1\t1\nCPID\t%d\n", 1+rand.Uint32N(1<<31-1)); err != nil {
		return err
	}
	plain, version := false, false
	for range 100 {
		words, err := s.line()
		if err != nil {
			return err
		}
		switch words[0] {
		case "VERSION":
			if version = len(words) > 1 && words[1] == "1"; !version {
				return errDovecot
			}
		case "MECH":
			plain = plain || len(words) > 1 && words[1] == "PLAIN"
		case "DONE":
			if !version {
				return errDovecot
			}
			if !plain {
				return errNoPlain
			}
			return nil
		}
	}
	return errDovecot
}

// ask sends name and password by PLAIN (RFC 4616), in base64: nothing that a
// client says can be a word of the protocol. Failures are counted here, see
// throttle; Dovecot's own penalty would hold the next user of a network for longer
// than anybody waits.
func (s *dovecotSession) ask(a Attempt) (string, error) {
	response := base64.StdEncoding.EncodeToString([]byte("\x00" + a.Name + "\x00" + a.Password))
	rip := ""
	if a.Client.IsValid() {
		rip = "\trip=" + a.Client.String()
	}
	if _, err := fmt.Fprintf(s.out, "AUTH\t1\tPLAIN\tservice=smtp\tsecured\tnologin\tno-penalty%s\tresp=%s\n", rip, response); err != nil {
		return "", err
	}
	for {
		words, err := s.line()
		if err != nil {
			return "", err
		}
		if len(words) < 2 || words[1] != "1" {
			continue // news of the server's own
		}
		switch words[0] {
		case "OK":
			return nameOf(a.Name, words[2:]), nil
		case "FAIL":
			if slices.Contains(words[2:], "temp") || slices.Contains(words[2:], "code=temp_fail") {
				return "", oddAnswer{errDovecotTemp}
			}
			return "", ErrWrong
		}
		return "", errDovecot
	}
}

// nameOf is the name as Dovecot spells it.
func nameOf(name string, words []string) string {
	for _, w := range words {
		if v, is := strings.CutPrefix(w, "user="); is && v != "" {
			return unescapeTab(v)
		}
	}
	return name
}

// unescapeTab undoes how Dovecot writes what would end a word or a line.
func unescapeTab(s string) string {
	return strings.NewReplacer("\x010", "\x00", "\x011", "\x01", "\x01t", "\t", "\x01r", "\r", "\x01n", "\n").Replace(s)
}

// line reads the words of one line.
func (s *dovecotSession) line() ([]string, error) {
	line, err := s.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return nil, errDovecot
	}
	if err != nil {
		return nil, err
	}
	return strings.Split(string(line[:len(line)-1]), "\t"), nil
}
