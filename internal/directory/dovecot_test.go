package directory

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/table/tabletest"
)

// authServer speaks Dovecot's protocol: greeting, then for each request what
// answer gives for its response.
func authServer(t *testing.T, greeting string, answer func(name, password string) string) *config.Directory {
	t.Helper()
	addr := tabletest.Serve(t, "tcp", "127.0.0.1:0", func(c net.Conn) { authSession(c, greeting, answer) })
	return &config.Directory{Name: "staff", Kind: "dovecot", Connections: 4, Timeout: time.Second, Address: addr}
}

func authSession(conn net.Conn, greeting string, answer func(name, password string) string) {
	fmt.Fprint(conn, greeting)
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		words := strings.Split(lines.Text(), "\t")
		if words[0] != "AUTH" {
			continue
		}
		response, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(words[len(words)-1], "resp="))
		parts := strings.Split(string(response), "\x00")
		if len(parts) == 3 {
			fmt.Fprint(conn, answer(parts[1], parts[2]))
		}
	}
}

const dovecotGreeting = "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\tx\nDONE\n"

func TestDovecotProtocol(t *testing.T) {
	t.Parallel()
	a := ask(t, authServer(t, dovecotGreeting, func(name, password string) string {
		switch {
		case name == "temp":
			return "FAIL\t1\tuser=temp\ttemp\n"
		case name == "code":
			return "FAIL\t1\tcode=temp_fail\tuser=code\n"
		case name == "news":
			return "OK\t7\tuser=other\nCUID\t2\nOK\t1\tuser=news\n"
		case name == "more":
			return "CONT\t1\t\n"
		case name == "long":
			return "OK\t1\tuser=" + strings.Repeat("x", 2*maxDovecotLine) + "\n"
		case name == "odd":
			return "OK\t1\tuser=a\x01nb\n"
		case name == "silent":
			return ""
		case password != "password":
			return "FAIL\t1\tuser=" + name + "\tuser_disabled\n"
		}
		return "OK\t1\tuser=" + strings.ToLower(name) + "\n"
	}))
	a.expect("Ann", "password", "staff/ann")
	a.expect("news", "password", "staff/news")
	a.expect("ann", "wrong", ErrWrong)
	for _, name := range []string{"temp", "code", "more", "long", "odd", "silent"} {
		a.expect(name, "password", ErrUnavailable)
	}
	for _, name := range tabletest.HostileKeys() {
		if lower := strings.ToLower(name); lower == name && plausible(Attempt{Name: name, Password: "x"}) {
			a.expect(name, "password", "staff/"+name)
		}
	}
}

func TestDovecotGreetings(t *testing.T) {
	t.Parallel()
	for _, greeting := range []string{
		"", "220 smtp\r\n", "VERSION\t2\t0\nMECH\tPLAIN\nDONE\n", "VERSION\t1\t2\nMECH\tCRAM-MD5\nDONE\n", "MECH\tPLAIN\nDONE\n",
		strings.Repeat("MECH\tPLAIN\n", 200), strings.Repeat("x", 20_000),
	} {
		a := ask(t, authServer(t, greeting, func(string, string) string { return "OK\t1\n" }))
		a.expect("ann", "password", ErrUnavailable)
	}
}

func FuzzDovecotLines(f *testing.F) {
	f.Add([]byte(dovecotGreeting + "OK\t1\tuser=ann\n"))
	f.Add([]byte("VERSION\t1\t2\nDONE\nFAIL\t1\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := &dovecotSession{in: bufio.NewReaderSize(strings.NewReader(string(b)), maxDovecotLine), out: &strings.Builder{}}
		if s.handshake() == nil {
			_, _ = s.ask(Attempt{Name: "ann", Password: "x"})
		}
	})
}
