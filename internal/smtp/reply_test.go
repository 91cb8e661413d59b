package smtp

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/postroad/postroad/internal/mail"
)

func readReply(s string) (mail.Reply, error) {
	return ReadReply(bufio.NewReaderSize(strings.NewReader(s), replyLineMax))
}

func TestReadReply(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     mail.Reply
		err      error
	}{
		{"plain", "250 ok\r\n", mail.Reply{Code: 250, Text: "ok"}, nil},
		{"code alone", "354\r\n", mail.Reply{Code: 354}, nil},
		{"code and space", "220 \r\n", mail.Reply{Code: 220}, nil},
		{"bare LF ends a line", "250 ok\n", mail.Reply{Code: 250, Text: "ok"}, nil},
		{"several lines", "250-one\r\n250-two\r\n250 three\r\n", mail.Reply{Code: 250, Text: "one\ntwo\nthree"}, nil},
		{"enhanced", "550 5.1.1 no such user\r\n", mail.Reply{Code: 550, Enhanced: "5.1.1", Text: "no such user"}, nil},
		{"enhanced alone", "250 2.0.0\r\n", mail.Reply{Code: 250, Enhanced: "2.0.0"}, nil},
		{"enhanced on each line", "550-5.7.1 go\r\n550 5.7.1 away\r\n", mail.Reply{Code: 550, Enhanced: "5.7.1", Text: "go\naway"}, nil},
		{"another status stays text", "550-5.7.1 go\r\n550 5.7.2 away\r\n", mail.Reply{Code: 550, Enhanced: "5.7.1", Text: "go\n5.7.2 away"}, nil},
		{"status of another class is text", "450 5.1.1 odd\r\n", mail.Reply{Code: 450, Text: "5.1.1 odd"}, nil},
		{"status too long", "550 5.1000.1 odd\r\n", mail.Reply{Code: 550, Text: "5.1000.1 odd"}, nil},
		{"status of two parts", "550 5.1 odd\r\n", mail.Reply{Code: 550, Text: "5.1 odd"}, nil},
		{"status with a tail", "550 5.1.1: odd\r\n", mail.Reply{Code: 550, Text: "5.1.1: odd"}, nil},
		{"escape sequences", "550 \x1b[31mred\x07\x00\r\n", mail.Reply{Code: 550, Text: "?[31mred??"}, nil},
		{"CR inside", "550 a\rb\r\n", mail.Reply{Code: 550, Text: "a?b"}, nil},
		{"letters stay, direction marks and broken UTF-8 do not", "550 é\u202e\xff\r\n", mail.Reply{Code: 550, Text: "é??"}, nil},
		{"code changes", "250-one\r\n550 two\r\n", mail.Reply{}, ErrReply},
		{"no code", "hello\r\n", mail.Reply{}, ErrReply},
		{"code of no class", "650 x\r\n", mail.Reply{}, ErrReply},
		{"positive preliminary", "150 x\r\n", mail.Reply{}, ErrReply},
		{"code of four", "2500 x\r\n", mail.Reply{}, ErrReply},
		{"empty line", "\r\n", mail.Reply{}, ErrReply},
		{"half a line", "250 o", mail.Reply{}, io.EOF},
		{"half a reply", "250-one\r\n", mail.Reply{}, io.EOF},
		{"long line", "250 " + strings.Repeat("x", replyLineMax) + "\r\n", mail.Reply{}, ErrReply},
		{"without end", strings.Repeat("250-x\r\n", replyLinesMax+1), mail.Reply{}, ErrReply},
		{"much text", strings.Repeat("250-"+strings.Repeat("x", 4000)+"\r\n", 5), mail.Reply{}, ErrReply},
	} {
		got, err := readReply(c.in)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: got %+v, %v; want %+v, %v", c.name, got, err, c.want, c.err)
		}
	}
}

func TestClipReply(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"short", "short"}, {"0123456789", "0123456789"}, {"0123456789a", "0123456789…"}, {"012345678éa", "012345678…"},
	} {
		if got := ClipReply(mail.Reply{Text: c.in}, 10).Text; got != c.want {
			t.Errorf("%q: got %q, want %q", c.in, got, c.want)
		}
	}
}

func FuzzReadReply(f *testing.F) {
	for _, s := range []string{"250 ok\r\n", "550-5.1.1 a\r\n550 5.1.1 b\r\n", "250-\r\n250\r\n", "421 \x00\xff\r\n", "250-x"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := readReply(string(in))
		if err != nil {
			if r != (mail.Reply{}) {
				t.Fatalf("an error with a reply: %+v", r)
			}
			return
		}
		if r.Code < 200 || r.Code > 599 || len(r.Text) > replyTextMax || !utf8.ValidString(r.Text) {
			t.Fatalf("%+v", r)
		}
		if r.Enhanced != "" && int(r.Enhanced[0]-'0') != r.Code/100 {
			t.Fatalf("status of another class: %+v", r)
		}
		for _, c := range r.Text {
			if c != '\n' && !unicode.IsPrint(c) {
				t.Fatalf("unprintable %q in %q", c, r.Text)
			}
		}
	})
}
