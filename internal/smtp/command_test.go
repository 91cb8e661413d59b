package smtp_test

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/smtp"
)

func TestReadLine(t *testing.T) {
	long := strings.Repeat("x", 3000)
	for _, c := range []struct {
		name, in, line string
		err            error
		rest           string
	}{
		{"line", "NOOP\r\nQUIT\r\n", "NOOP", nil, "QUIT\r\n"},
		{"empty", "\r\nQUIT", "", nil, "QUIT"},
		{"bare LF", "NOOP\nQUIT\r\n", "", smtp.ErrBareNewline, "QUIT\r\n"},
		{"only LF", "\nQUIT\r\n", "", smtp.ErrBareNewline, "QUIT\r\n"},
		{"bare CR", "NO\rOP\r\nQUIT\r\n", "", smtp.ErrBareNewline, "QUIT\r\n"},
		{"two CR", "NOOP\r\r\nQUIT\r\n", "", smtp.ErrBareNewline, "QUIT\r\n"},
		{"too long", long + "\r\nQUIT", "", smtp.ErrLineTooLong, "QUIT"},
		{"much too long", strings.Repeat(long, 10) + "\r\nQUIT", "", smtp.ErrLineTooLong, "QUIT"},
		{"without end", strings.Repeat(long, 40), "", smtp.ErrEndlessLine, "*"},
		{"breaks off", "NOO", "", io.EOF, ""},
		{"as long as may be", long[:smtp.MaxCommandLine-2] + "\r\n", long[:smtp.MaxCommandLine-2], nil, ""},
		{"longer than may be", long[:smtp.MaxCommandLine-1] + "\r\n", "", smtp.ErrLineTooLong, ""},
	} {
		br := bufio.NewReaderSize(strings.NewReader(c.in), 4096)
		line, err := smtp.ReadLine(br, smtp.MaxCommandLine)
		if string(line) != c.line || !errors.Is(err, c.err) {
			t.Errorf("%s: %q, %v; want %q, %v", c.name, line, err, c.line, c.err)
		}
		if rest, _ := io.ReadAll(br); c.rest != "*" && string(rest) != c.rest {
			t.Errorf("%s: rest %q, want %q", c.name, rest, c.rest)
		}
	}
}

func TestHasLine(t *testing.T) {
	br := bufio.NewReader(strings.NewReader("NOOP\r\nQUI"))
	if smtp.HasLine(br) {
		t.Error("nothing is buffered yet")
	}
	br.Peek(1)
	if !smtp.HasLine(br) {
		t.Error("a whole line is buffered")
	}
	smtp.ReadLine(br, 512)
	if smtp.HasLine(br) {
		t.Error("half a line is buffered")
	}
}

func TestParseCommand(t *testing.T) {
	for _, c := range []struct {
		in   string
		verb smtp.Verb
		arg  string
	}{
		{"EHLO a.example", smtp.EHLO, "a.example"},
		{"helo  a.example ", smtp.HELO, "a.example"},
		{"mAiL FROM:<>", smtp.MAIL, "FROM:<>"},
		{"QUIT", smtp.QUIT, ""},
		{"DATA ", smtp.DATA, ""},
		{"STARTTLS", smtp.STARTTLS, ""},
		{"STARTTLSX", smtp.Unknown, ""},
		{"GET / HTTP/1.1", smtp.Foreign, "/ HTTP/1.1"},
		{"", smtp.Unknown, ""},
		{" NOOP", smtp.Unknown, "NOOP"},
		{"VRFY jürgen", smtp.VRFY, "jürgen"},
	} {
		cmd, err := smtp.ParseCommand([]byte(c.in))
		if err != nil || cmd.Verb != c.verb || cmd.Arg != c.arg {
			t.Errorf("%q: %v, %v", c.in, cmd, err)
		}
	}
	for _, in := range []string{"NOOP\x00", "NO\tOP", "NOOP \x7f", "NOOP \xff", "NOOP \xc2\x85", "NOOP \xe2\x80\xa8"} {
		_, err := smtp.ParseCommand([]byte(in))
		if r := mail.ReplyOf(err); err == nil || r.Code != 500 {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestParseMail(t *testing.T) {
	m, err := smtp.ParseMail(`FROM:<"a>b"@example.com> SIZE=1000 body=8bitmime SMTPUTF8 RET=hdrs ENVID=a+2Bb AUTH=x+40y`)
	want := smtp.Mail{
		Path: mail.Path{Address: mail.Address{Local: "a>b", Domain: "example.com"}},
		MailParams: smtp.MailParams{
			Size: 1000, Body: mail.Body8BitMIME, SMTPUTF8: true, Ret: mail.RetHeaders, EnvID: "a+2Bb", Auth: "x+40y",
		},
	}
	if err != nil || m != want {
		t.Errorf("%+v, %v", m, err)
	}
	for in, path := range map[string]string{
		"FROM:<>": "<>", "from: <a@b.example>": "a@b.example", "FROM:<> SIZE=99999999999999999999": "<>", "FROM:<> AUTH=<>": "<>",
	} {
		if m, err := smtp.ParseMail(in); err != nil || m.Path.String() != path {
			t.Errorf("%q: %+v, %v", in, m, err)
		}
	}
}

func TestParseMailRefuses(t *testing.T) {
	for in, reply := range map[string]string{
		"":                                   "501 5.5.2",
		"LALA:<>":                            "501 5.5.2",
		"FROM:":                              "501 5.5.2",
		"FROM:a@b.example":                   "501 5.5.2",
		"FROM:<a@b.example":                  "501 5.5.2",
		"FROM:<a@b.example>SIZE=1":           "501 5.5.2",
		`FROM:<"a@b.example>`:                "501 5.5.2",
		"FROM:<a>":                           "501 5.1.7",
		"FROM:<a b@c.example>":               "501 5.1.7",
		"FROM:<a@b.example.>":                "501 5.1.8",
		"FROM:<a@xn--->":                     "501 5.1.8",
		"FROM:<@a.example:b@c.example>":      "553 5.1.7",
		"FROM:<jürgen@b.example>":            "553 5.6.7",
		"FROM:<> SIZE=":                      "501 5.5.4",
		"FROM:<> SIZE=-1":                    "501 5.5.4",
		"FROM:<> SIZE=1a":                    "501 5.5.4",
		"FROM:<> SIZE=111111111111111111111": "501 5.5.4",
		"FROM:<> SIZE=1 SIZE=2":              "501 5.5.4",
		"FROM:<> BODY=BINARYMIME":            "501 5.5.4",
		"FROM:<> SMTPUTF8=yes":               "501 5.5.4",
		"FROM:<> RET=ALL":                    "501 5.5.4",
		"FROM:<> ENVID=":                     "501 5.5.4",
		"FROM:<> ENVID=a=b":                  "501 5.5.4",
		"FROM:<> ENVID=a+0Ab":                "501 5.5.4",
		"FROM:<> ENVID=a+2bb":                "501 5.5.4",
		"FROM:<> ENVID=a+2":                  "501 5.5.4",
		"FROM:<> ENVID=" + strings.Repeat("x", 101): "501 5.5.4",
		"FROM:<> HOLDFOR=1":                         "555 5.5.4",
		"FROM:<> =":                                 "555 5.5.4",
		"FROM:<> NOTIFY=NEVER":                      "555 5.5.4",
	} {
		_, err := smtp.ParseMail(in)
		if r := mail.ReplyOf(err).String(); err == nil || !strings.HasPrefix(r, reply) {
			t.Errorf("%q: %q, want %s", in, r, reply)
		}
	}
}

func TestParseRcpt(t *testing.T) {
	r, err := smtp.ParseRcpt("TO:<a@b.example> NOTIFY=success,DELAY ORCPT=rfc822;a+2B@b.example")
	want := smtp.Rcpt{
		Address:    mail.Address{Local: "a", Domain: "b.example"},
		RcptParams: smtp.RcptParams{Notify: mail.NotifySuccess | mail.NotifyDelay, ORCPT: "rfc822;a+2B@b.example"},
	}
	if err != nil || r != want {
		t.Errorf("%+v, %v", r, err)
	}
	for _, in := range []string{"TO:<postmaster>", "to: <PostMaster>"} {
		if r, err := smtp.ParseRcpt(in); err != nil || r.Address != (mail.Address{Local: "postmaster"}) {
			t.Errorf("%q: %+v, %v", in, r, err)
		}
	}
	if r, err := smtp.ParseRcpt("TO:<a@b.example> ORCPT=utf-8;jürgen@b.example"); err != nil || r.ORCPT != "utf-8;jürgen@b.example" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestParseRcptRefuses(t *testing.T) {
	for in, reply := range map[string]string{
		"FROM:<a@b.example>":                                        "501 5.5.2",
		"TO:a@b.example":                                            "501 5.5.2",
		"TO:<>":                                                     "501 5.1.3",
		"TO:<a>":                                                    "501 5.1.3",
		"TO:<a@b@c.example>":                                        "501 5.1.2",
		"TO:<@a.example:b@c.example>":                               "553 5.1.3",
		"TO:<@a.example,@b.example:c@d.example>":                    "553 5.1.3",
		"TO:<a@b.example> NOTIFY=NEVER,DELAY":                       "501 5.5.4",
		"TO:<a@b.example> NOTIFY=":                                  "501 5.5.4",
		"TO:<a@b.example> NOTIFY=ALWAYS":                            "501 5.5.4",
		"TO:<a@b.example> ORCPT=a@b.example":                        "501 5.5.4",
		"TO:<a@b.example> ORCPT=rfc822;":                            "501 5.5.4",
		"TO:<a@b.example> ORCPT=;a@b.example":                       "501 5.5.4",
		"TO:<a@b.example> ORCPT=rfc 822;a":                          "501 5.5.4",
		"TO:<a@b.example> ORCPT=rfc822;j\xc3\xbcrgen@b":             "501 5.5.4",
		"TO:<a@b.example> ORCPT=rfc822;" + strings.Repeat("a", 500): "501 5.5.4",
		"TO:<a@b.example> SIZE=1":                                   "555 5.5.4",
	} {
		_, err := smtp.ParseRcpt(in)
		if r := mail.ReplyOf(err).String(); err == nil || !strings.HasPrefix(r, reply) {
			t.Errorf("%q: %q, want %s", in, r, reply)
		}
	}
}

func TestReplyWriter(t *testing.T) {
	for _, c := range []struct {
		reply mail.Reply
		want  string
	}{
		{mail.Reply{Code: 250, Enhanced: "2.0.0", Text: "Ok"}, "250 2.0.0 Ok\r\n"},
		{mail.Reply{Code: 354, Text: "go"}, "354 go\r\n"},
		{mail.Reply{Code: 550, Enhanced: "5.1.1", Text: "a\nb\n"}, "550-5.1.1 a\r\n550-5.1.1 b\r\n550 5.1.1 \r\n"},
		{mail.Reply{Code: 550, Text: "x\r\n250 fine\x00é"}, "550-x?\r\n550 250 fine???\r\n"},
		{mail.Reply{Code: 550, Text: strings.Repeat("x", 1000)}, "550 " + strings.Repeat("x", 480) + "\r\n"},
	} {
		var b strings.Builder
		w := smtp.NewReplyWriter(&b)
		w.Reply(c.reply)
		if b.Len() != 0 {
			t.Error("written before the flush")
		}
		if err := w.Flush(); err != nil || b.String() != c.want {
			t.Errorf("%+v: %q, %v", c.reply, b.String(), err)
		}
	}
	var b strings.Builder
	w := smtp.NewReplyWriter(&b)
	w.Lines(250, "host", "SIZE 1", "DSN")
	w.Flush()
	if b.String() != "250-host\r\n250-SIZE 1\r\n250 DSN\r\n" {
		t.Errorf("%q", b.String())
	}
}

// FuzzCommand: no line panics, whatever it is taken for; what is accepted can be
// written down again.
func FuzzCommand(f *testing.F) {
	for _, s := range []string{
		"MAIL FROM:<a@b.example> SIZE=1", "RCPT TO:<postmaster> NOTIFY=NEVER", `MAIL FROM:<"a\>"@b>`, "EHLO x", "\x00",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		cmd, err := smtp.ParseCommand(line)
		if err != nil {
			return
		}
		if strings.ContainsAny(cmd.Arg, "\r\n\x00") {
			t.Fatalf("%q: argument %q", line, cmd.Arg)
		}
		if m, err := smtp.ParseMail(cmd.Arg); err == nil {
			again, err := smtp.ParseMail("FROM:<" + strings.Trim(m.Path.String(), "<>") + "> SMTPUTF8")
			if err != nil || again.Path != m.Path {
				t.Fatalf("%q: %v is read back as %v, %v", line, m.Path, again.Path, err)
			}
		}
		if r, err := smtp.ParseRcpt(cmd.Arg); err == nil {
			again, err := smtp.ParseRcpt("TO:<" + r.Address.String() + ">")
			if err != nil || again.Address != r.Address {
				t.Fatalf("%q: %v is read back as %v, %v", line, r.Address, again.Address, err)
			}
		}
	})
}

// FuzzParams: what is taken from parameters goes into commands to the next
// host, so it must be printable and within its limits.
func FuzzParams(f *testing.F) {
	for _, s := range []string{"SIZE=1 BODY=7BIT", "RET=FULL ENVID=x", "NOTIFY=NEVER ORCPT=rfc822;a", "ORCPT=utf-8;é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if m, err := smtp.ParseMail("FROM:<> " + s); err == nil {
			if len(m.EnvID) > 100 || strings.ContainsAny(m.EnvID+m.Auth, " \r\n\t\x00=") || m.Size < 0 {
				t.Fatalf("%q: %+v", s, m)
			}
		}
		if r, err := smtp.ParseRcpt("TO:<a@b.example> " + s); err == nil {
			if len(r.ORCPT) > 500 || strings.ContainsAny(r.ORCPT, " ") || r.Notify&mail.NotifyNever != 0 && r.Notify != mail.NotifyNever {
				t.Fatalf("%q: %+v", s, r)
			}
		}
	})
}
