package postfix

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/table"
	"github.com/postroad/postroad/internal/table/dial"
	"github.com/postroad/postroad/internal/table/remote"
	"github.com/postroad/postroad/internal/table/tabletest"
)

// serve answers the sessions of a listener until the test ends.
func serve(t *testing.T, network, address string, session func(net.Conn)) dial.Server {
	t.Helper()
	return dial.Server{Network: network, Address: tabletest.Serve(t, network, address, session)}
}

// mapOf answers netstrings from a map.
func mapOf(values map[string]string) func(net.Conn) {
	return func(c net.Conn) {
		in := bufio.NewReader(c)
		for {
			q, err := netstring(in)
			if err != nil {
				return
			}
			_, key, _ := strings.Cut(q, " ")
			reply := "NOTFOUND "
			if v, there := values[key]; there {
				reply = "OK " + v
			}
			fmt.Fprintf(c, "%d:%s,", len(reply), reply)
		}
	}
}

// linesOf answers lines from a map.
func linesOf(values map[string]string) func(net.Conn) {
	return func(c net.Conn) {
		in := bufio.NewScanner(c)
		for in.Scan() {
			q, get := strings.CutPrefix(in.Text(), "get ")
			key, well := decode(q)
			v, there := values[key]
			switch {
			case !get || !well:
				fmt.Fprint(c, "400 no%20question\n")
			case there:
				fmt.Fprintf(c, "200 %s\n", encode(v))
			default:
				fmt.Fprint(c, "500 none\n")
			}
		}
	}
}

func TestHostileKeysAreKeys(t *testing.T) {
	keys := append(tabletest.HostileKeys(), tabletest.Raw()...)
	values := map[string]string{}
	for i := 0; i < len(keys); i += 2 {
		values[keys[i]] = fmt.Sprint(i)
	}
	socket := filepath.Join(t.TempDir(), "s")
	for name, a := range map[string]remote.Asker{
		"socketmap": NewSocketmap(serve(t, "unix", socket, mapOf(values)), "users", 2),
		"tcp":       NewTCP(serve(t, "tcp", "127.0.0.1:0", linesOf(values)), 2),
	} {
		defer a.Close()
		for i, k := range keys {
			got := a.Lookup(t.Context(), k)
			switch {
			case i%2 == 0 && (got.Status != table.Found || got.Values[0] != fmt.Sprint(i)):
				t.Errorf("%s: %q: %+v, want %d", name, k, got, i)
			case i%2 != 0 && got.Status != table.NotFound:
				t.Errorf("%s: %q: %+v, want not found", name, k, got)
			}
		}
	}
}

func TestReplies(t *testing.T) {
	framed := func(s string) string { return fmt.Sprintf("%d:%s,", len(s), s) }
	for octets, want := range map[string]table.Status{
		framed("OK x"): table.Found, framed("OK "): table.Found, framed("NOTFOUND "): table.NotFound, framed("NOTFOUND"): table.NotFound,
		framed("TEMP x"): table.TryLater, framed("TIMEOUT "): table.TryLater, framed("PERM x"): table.TryLater,
		framed("ok x"): table.TryLater, framed(""): table.TryLater, framed("OKx"): table.TryLater,
		"4:OK x;": table.TryLater, "04:OK x,": table.TryLater, "5:OK x,": table.TryLater, ":,": table.TryLater,
		"-1:,": table.TryLater, "99999999999999999999:x,": table.TryLater, "": table.TryLater,
	} {
		a := NewSocketmap(serve(t, "tcp", "127.0.0.1:0", says(octets)), "m", 1)
		if got := a.Lookup(t.Context(), "k"); got.Status != want || want == table.TryLater && got.Cause == nil {
			t.Errorf("socketmap %q: %+v", octets, got)
		}
		a.Close()
	}
	for octets, want := range map[string]table.Status{
		"200 x\n": table.Found, "200 \n": table.Found, "200 a%20b\r\n": table.Found, "500 x\n": table.NotFound, "500\n": table.NotFound,
		"400 x\n": table.TryLater, "200 %zz\n": table.TryLater, "200 %2\n": table.TryLater, "2000 x\n": table.TryLater,
		"200 x": table.TryLater, "\n": table.TryLater, strings.Repeat("x", maxReply+1) + "\n": table.TryLater,
	} {
		a := NewTCP(serve(t, "tcp", "127.0.0.1:0", says(octets)), 1)
		if got := a.Lookup(t.Context(), "k"); got.Status != want || want == table.TryLater && got.Cause == nil {
			t.Errorf("tcp %.20q: %+v", octets, got)
		}
		a.Close()
	}
}

// says is a service that reads something, says this and leaves.
func says(octets string) func(net.Conn) {
	return func(c net.Conn) {
		if _, err := c.Read(make([]byte, 100)); err == nil {
			fmt.Fprint(c, octets)
		}
	}
}

func TestErrorOfTheKey(t *testing.T) {
	if got := socketmapAnswer("PERM no"); !errors.Is(got.Cause, remote.ErrKey) {
		t.Errorf("%+v", got)
	}
	if got := socketmapAnswer("TEMP no"); errors.Is(got.Cause, remote.ErrKey) {
		t.Errorf("%+v", got)
	}
}

// A connection that was kept and closed by the service costs no answer, and one
// that says more than it was asked is not kept.
func TestKeptConnections(t *testing.T) {
	a := NewTCP(serve(t, "tcp", "127.0.0.1:0", says("200 x\n")), 1)
	defer a.Close()
	for range 3 {
		if got := a.Lookup(t.Context(), "k"); got.Status != table.Found {
			t.Errorf("%+v", got)
		}
	}
	b := NewTCP(serve(t, "tcp", "127.0.0.1:0", says("200 x\n500 y\n")), 1)
	defer b.Close()
	for range 3 {
		if got := b.Lookup(t.Context(), "k"); got.Status != table.Found {
			t.Errorf("the answer to another key: %+v", got)
		}
	}
}

func TestSilence(t *testing.T) {
	a := NewTCP(serve(t, "tcp", "127.0.0.1:0", func(c net.Conn) { c.Read(make([]byte, 1)); time.Sleep(time.Minute) }), 1)
	defer a.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if got := a.Lookup(ctx, "k"); got.Status != table.TryLater {
		t.Errorf("%+v", got)
	}
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
}

func FuzzReplies(f *testing.F) {
	for _, s := range []string{"4:OK x,", "9:NOTFOUND ,", "0:,", "200 a%20b\n", "500 x\n", "400 \r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, octets string) {
		if text, err := netstring(bufio.NewReader(strings.NewReader(octets))); err == nil {
			if !strings.HasPrefix(octets, fmt.Sprintf("%d:%s,", len(text), text)) {
				t.Errorf("%q read as %q", octets, text)
			}
			socketmapAnswer(text)
		}
		if text, err := line(bufio.NewReader(strings.NewReader(octets))); err == nil {
			tcpAnswer(text)
		}
		if back, well := decode(encode(octets)); !well || back != octets || strings.ContainsAny(encode(octets), " \n\r\x00") {
			t.Errorf("%q encoded as %q", octets, encode(octets))
		}
	})
}
