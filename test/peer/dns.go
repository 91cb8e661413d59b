package peer

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// StartKnot serves zones (origin → RFC 1035 text) by Debian's knot and gives its
// address.
func StartKnot(t *testing.T, zones map[string]string) string {
	t.Helper()
	Need(t, "knotd")
	dir, addr := Dir(t), FreePort(t)
	conf := fmt.Sprintf("server:\n  listen: 127.0.0.1@%s\n  rundir: %s\ndatabase:\n  storage: %s\nlog:\n- target: stderr\n  any: warning\nzone:\n", Port(addr), dir, dir)
	for origin, text := range zones {
		conf += fmt.Sprintf("- domain: %s\n  file: %s\n  storage: %s\n", origin, Write(t, dir, origin+".zone", text), dir)
	}
	Start(t, dir, "knotd", "-c", Write(t, dir, "knot.conf", conf))
	for origin := range zones {
		waitDNS(t, addr, origin)
	}
	return addr
}

// StartUnbound runs Debian's unbound as a resolver that asks upstream for the
// given zones.
func StartUnbound(t *testing.T, upstream string, origins ...string) string {
	t.Helper()
	Need(t, "unbound")
	dir, addr := Dir(t), FreePort(t)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	conf := fmt.Sprintf(`server:
  interface: 127.0.0.1@%s
  do-not-query-localhost: no
  chroot: ""
  username: ""
  directory: %q
  pidfile: %q
  use-syslog: no
  module-config: "iterator"
`, Port(addr), dir, filepath.Join(dir, "pid"))
	for _, o := range origins {
		conf += fmt.Sprintf("  local-zone: %q transparent\nstub-zone:\n  name: %q\n  stub-addr: 127.0.0.1@%s\nserver:\n", o, o, Port(upstream))
	}
	Start(t, dir, "unbound", "-d", "-c", Write(t, dir, "unbound.conf", conf))
	for _, o := range origins {
		waitDNS(t, addr, o)
	}
	return addr
}

func waitDNS(t *testing.T, addr, origin string) {
	t.Helper()
	WaitFor(t, 10*time.Second, func() error {
		m := new(dns.Msg)
		m.SetQuestion(dns.Fqdn(origin), dns.TypeSOA)
		r, _, err := (&dns.Client{Timeout: time.Second}).Exchange(m, addr)
		if err == nil && len(r.Answer) == 0 {
			err = fmt.Errorf("no SOA of %s", origin)
		}
		return err
	})
}
