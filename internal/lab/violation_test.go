package lab_test

import (
	"strings"
	"testing"

	"github.com/postroad/postroad/internal/lab"
)

// A judge that lets everything pass proves nothing: each breach must be seen,
// and what is right must not be called one.
func TestViolations(t *testing.T) {
	const hello, open = "EHLO c\r\n", "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@x>\r\n"
	for _, c := range []struct {
		name, say, want string
		without         string
	}{
		{name: "everything right", say: hello + "MAIL FROM:<s@x> SIZE=3 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=e\r\nRCPT TO:<ü@x> NOTIFY=NEVER ORCPT=rfc822;a\r\nRSET\r\n"},
		{name: "bare LF", say: "EHLO c\n", want: "does not end with CR LF"},
		{name: "unknown command", say: "WIZ\r\n", want: "unknown command"},
		{name: "wrong protocol", say: "LHLO c\r\n", want: "LHLO is not a command of this protocol"},
		{name: "no name", say: "EHLO \r\n", want: `EHLO with argument ""`},
		{name: "MAIL first", say: "MAIL FROM:<>\r\n", want: "MAIL before EHLO"},
		{name: "two transactions", say: hello + "MAIL FROM:<>\r\nMAIL FROM:<>\r\n", want: "MAIL within a transaction"},
		{name: "space after the colon", say: hello + "MAIL FROM: <>\r\n", want: "not a path"},
		{name: "no brackets", say: hello + "MAIL FROM:a@x\r\n", want: "not a path"},
		{name: "null recipient", say: hello + "MAIL FROM:<>\r\nRCPT TO:<>\r\n", want: "not a path"},
		{name: "space in a path", say: hello + "MAIL FROM:<a b@x>\r\n", want: "not a path"},
		{name: "quoted bracket is right", say: hello + "MAIL FROM:<\"a> \\\"b\"@x>\r\n"},
		{name: "unknown parameter", say: hello + "MAIL FROM:<> FOO=1\r\n", want: `parameter "FOO=1" was not offered`},
		{name: "MAIL's parameter at RCPT", say: hello + "MAIL FROM:<>\r\nRCPT TO:<a@x> SIZE=1\r\n", want: "was not offered"},
		{name: "parameter after HELO", say: "HELO c\r\nMAIL FROM:<> SIZE=1\r\n", want: "was not offered"},
		{name: "parameter not offered", say: hello + "MAIL FROM:<> SIZE=1\r\n", want: "was not offered", without: "SIZE"},
		{name: "UTF-8 without SMTPUTF8", say: hello + "MAIL FROM:<ü@x>\r\n", want: "without SMTPUTF8"},
		{name: "pipelining not offered", say: open, want: "pipelining that was not offered", without: "PIPELINING"},
		{name: "EHLO not last", say: "EHLO c\r\nNOOP\r\n", want: "EHLO was not the last"},
		{name: "DATA not last", say: open + "DATA\r\nx\r\n.\r\n", want: "DATA was not the last"},
		{name: "STARTTLS not offered", say: hello + "STARTTLS\r\n", want: "STARTTLS where it is not offered"},
		{name: "AUTH not offered", say: hello + "AUTH PLAIN AAA=\r\n", want: "AUTH where it is not offered"},
		{name: "data right", say: open + "DATA\r\n|a\r\n..b\r\n.\r\n"},
		{name: "bare LF in data", say: open + "DATA\r\n|a\nb\r\n.\r\n", want: "bare CR or LF"},
		{name: "bare CR in data", say: open + "DATA\r\n|a\rb\r\n.\r\n", want: "bare CR or LF"},
		{name: "long line", say: open + "DATA\r\n|" + strings.Repeat("x", 999) + "\r\n.\r\n", want: "more than 998 octets"},
		{name: "longest line is right", say: open + "DATA\r\n|" + strings.Repeat("x", 998) + "\r\n.\r\n"},
		{name: "8 bit", say: open + "DATA\r\n|ü\r\n.\r\n", want: "without BODY=8BITMIME"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, r := start(t, lab.Config{Without: strings.Fields(c.without)})
			play(t, r, c.say, c.name == "EHLO not last" || c.name == "DATA not last" || c.without == "PIPELINING")
			got := strings.Join(r.Violations(), "\n")
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("violations %q, want %q", got, c.want)
			}
		})
	}
}

// play says a script. Unless it goes out at once, each line waits for its reply;
// "|" begins data, which has one.
func play(t *testing.T, r *lab.Receiver, script string, atOnce bool) {
	t.Helper()
	d, err := lab.Dial(t.Context(), r.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Reply(); err != nil {
		t.Fatal(err)
	}
	commands, data, hasData := strings.Cut(script, "|")
	parts := strings.SplitAfter(commands, "\n")
	if atOnce {
		parts = []string{commands + "QUIT\r\n"}
	}
	if hasData {
		parts = append(parts, data)
	}
	for _, p := range parts {
		if p == "" {
			continue
		}
		if err := d.Write(p); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Reply(); err != nil {
			t.Fatal(err)
		}
	}
	if !atOnce {
		if _, err := d.Command("QUIT"); err != nil {
			t.Fatal(err)
		}
		return
	}
	for err := error(nil); err == nil; { // to the end that QUIT makes
		_, err = d.Reply()
	}
}
