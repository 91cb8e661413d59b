package tabletest

import (
	"context"
	"net"
	"testing"
)

// Serve listens on an address until the test ends, and gives the one it got. Each
// connection has a session in a goroutine of its own, and is closed at the end of
// that or of the test.
func Serve(t testing.TB, network, address string, session func(net.Conn)) string {
	t.Helper()
	ln, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				defer context.AfterFunc(t.Context(), func() { c.Close() })()
				session(c)
			}()
		}
	}()
	return ln.Addr().String()
}
