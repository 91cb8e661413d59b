package redis

import (
	"bufio"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/table"
	"github.com/postroad/postroad/internal/table/dial"
	"github.com/postroad/postroad/internal/table/remote"
	"github.com/postroad/postroad/internal/table/tabletest"
)

// answers is a server that says these octets to each client that says something.
func answers(t *testing.T, octets string) dial.Server {
	t.Helper()
	addr := tabletest.Serve(t, "tcp", "127.0.0.1:0", func(c net.Conn) {
		if _, err := bufio.NewReader(c).ReadByte(); err == nil {
			c.Write([]byte(octets))
		}
		c.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, c)
	})
	return dial.Server{Network: "tcp", Address: addr}
}

func open(t *testing.T, o Options) remote.Batcher {
	t.Helper()
	o.Timeout, o.Connections = 2*time.Second, 1
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a.(remote.Batcher)
}

// What was read before the connection broke may count; what was not is "try
// later", and never an empty text or "not found".
func TestExchangeThatBreaks(t *testing.T) {
	keys := []string{"a", "b", "c"}
	for octets, want := range map[string][]table.Status{
		"":                           {table.TryLater, table.TryLater, table.TryLater},
		"$1\r\nx\r\n":                {table.Found, table.TryLater, table.TryLater},
		"$-1\r\n$1\r\nx\r\n":         {table.NotFound, table.Found, table.TryLater},
		"$-1\r\n$5\r\nx":             {table.NotFound, table.TryLater, table.TryLater},
		"-ERR no\r\n":                {table.TryLater, table.TryLater, table.TryLater},
		"-LOADING soon\r\n$-1\r\n":   {table.TryLater, table.NotFound, table.TryLater},
		"$-1\r\n$-1\r\n$-1\r\n":      {table.NotFound, table.NotFound, table.NotFound},
		"garbage\r\n":                {table.TryLater, table.TryLater, table.TryLater},
		"*1\r\n$1\r\nx\r\n$1\r\nx":   {table.TryLater, table.TryLater, table.TryLater},
		"$999999999999999999999\r\n": {table.TryLater, table.TryLater, table.TryLater},
	} {
		got := open(t, Options{Server: answers(t, "-ERR unknown command HELLO\r\n"+octets), Command: "get", Name: "{key}"}).LookupAll(t.Context(), keys)
		for i, a := range got {
			// A safer answer than the best one is none that misleads.
			if a.Status != want[i] && a.Status != table.TryLater || a.Status == table.TryLater && a.Cause == nil {
				t.Errorf("%q: %d: %+v, want %d", octets, i, a, want[i])
			}
		}
	}
}

// A password that is refused is "try later" for everybody.
func TestPasswordThatIsRefused(t *testing.T) {
	server := answers(t, "-WRONGPASS no\r\n")
	a := open(t, Options{Server: server, Command: "get", Name: "{key}", Password: func() (string, error) { return "x", nil }})
	if got := a.Lookup(t.Context(), "a"); got.Status != table.TryLater {
		t.Errorf("%+v", got)
	}
	unreadable := errors.New("no file")
	a = open(t, Options{Server: server, Command: "get", Name: "{key}", Password: func() (string, error) { return "", unreadable }})
	if got := a.Lookup(t.Context(), "a"); got.Status != table.TryLater || !errors.Is(got.Cause, unreadable) {
		t.Errorf("%+v", got)
	}
}

func TestTooMuch(t *testing.T) {
	if got := found([]string{strings.Repeat("x", maxOctets), "y"}); got.Status != table.TryLater || !errors.Is(got.Cause, remote.ErrKey) {
		t.Errorf("%v %v", got.Status, got.Cause)
	}
	if got := found([]string{"", "x", ""}); !slices.Equal(got.Values, []string{"x"}) {
		t.Errorf("%+v", got)
	}
}

func TestParse(t *testing.T) {
	for raw, want := range map[string]int{"redis://h": 0, "redis://h/": 0, "rediss://h/7": 7, "unix:///s?db=2": 2} {
		if _, got, err := Parse(raw); err != nil || got != want {
			t.Errorf("%s: %d, %v", raw, got, err)
		}
	}
	for _, raw := range []string{"redis://h/x", "redis://h/-1", "unix:///s?db=x"} {
		if _, _, err := Parse(raw); !errors.Is(err, errDatabase) {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

func TestCommandThatIsNone(t *testing.T) {
	if _, err := New(Options{Command: "keys"}); !errors.Is(err, errCommand) {
		t.Errorf("%v", err)
	}
}
