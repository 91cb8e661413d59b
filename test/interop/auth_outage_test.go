package interop

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"net/textproto"
	"testing"
	"time"

	"github.com/postroad/postroad/test/peer"
)

// Dovecot's auth service stands still and ends while clients log in: known and
// unknown names alike get 454 within the time-out, and nobody is told that his
// password is wrong; then all is as before.
func TestAuthWhileDovecotIsAway(t *testing.T) {
	d := peer.StartDovecot(t, "ann")
	dir, bind, subm := peer.Dir(t), peer.FreePort(t), peer.FreePort(t)
	writeCertificate(t, dir)
	peer.StartPostroad(t, dir, head(dir, bind)+fmt.Sprintf(`
listener "submission" {
  bind        = [%q]
  tls         = "implicit"
  certificate = "cert.pem"
  login       = [directory.store]
}
directory "dovecot" "store" {
  address = %q
  timeout = "1s"
}
relay "store" {
  login = [directory.store]
}
`, subm, d.Auth), bind)
	client := byte(1)
	says := func(how, name, password string, want int) {
		t.Helper()
		begun := time.Now()
		client++ // none is throttled
		code, err := login(subm, client, name, password)
		if code != want {
			t.Errorf("%s: %s gets %d, want %d (%v)", how, name, code, want, err)
		}
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("%s: it took %v", how, took)
		}
	}
	here := func() {
		t.Helper()
		peer.WaitFor(t, 20*time.Second, func() error {
			code, err := login(subm, 250, "ann", "x")
			if code != 235 {
				return fmt.Errorf("%d %v", code, err)
			}
			return nil
		})
		says("here", "ann", "wrong", 535)
		says("here", "nobody", "x", 535)
	}
	gone := func(how string) {
		t.Helper()
		for range 3 { // beyond the breaker's five
			says(how, "ann", "x", 454)
			says(how, "nobody", "x", 454)
		}
	}
	here()
	d.Freeze()
	gone("frozen")
	d.Thaw()
	here()
	d.End()
	gone("ended")
	d.Start()
	here()
}

// login says AUTH PLAIN from an address of its own and gives the code of the reply.
func login(addr string, client byte, name, password string) (int, error) {
	dialer := net.Dialer{Timeout: 10 * time.Second, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 9, client)}}
	conn, err := tls.DialWithDialer(&dialer, "tcp", addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(15 * time.Second))
	text := textproto.NewConn(conn)
	if _, _, err := text.ReadResponse(220); err != nil {
		return 0, err
	}
	response := base64.StdEncoding.EncodeToString([]byte("\x00" + name + "\x00" + password))
	if _, err := fmt.Fprintf(conn, "EHLO client.test\r\n"); err != nil {
		return 0, err
	}
	if _, _, err := text.ReadResponse(250); err != nil {
		return 0, err
	}
	if _, err := fmt.Fprintf(conn, "AUTH PLAIN %s\r\n", response); err != nil {
		return 0, err
	}
	code, _, err := text.ReadResponse(0)
	return code, err
}
