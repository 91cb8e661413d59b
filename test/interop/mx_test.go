package interop

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/lab"
	"github.com/postroad/postroad/test/peer"
)

// The zone has three tiers: the first host is down, two share the second.
const mxZone = `$ORIGIN tiers.test.
$TTL 60
@   SOA ns hm 1 60 60 60 60
@   NS ns
ns  A 127.0.0.1
@   MX 30 last
@   MX 10 down
@   MX 20 twin1
@   MX 20 twin2
last  A %s
down  A %s
twin1 A %s
twin2 A %s
`

// mxInternet is a lab whose zones are served by knot behind unbound.
type mxInternet struct {
	lab                *lab.Lab
	resolver           string
	last, twin1, twin2 *lab.Receiver
}

func startMXInternet(t *testing.T) *mxInternet {
	t.Helper()
	l, err := lab.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	in := &mxInternet{lab: l}
	for name, r := range map[string]**lab.Receiver{"last": &in.last, "twin1": &in.twin1, "twin2": &in.twin2} {
		if *r, err = l.Start(lab.Config{Name: name + ".tiers.test"}); err != nil {
			t.Fatal(err)
		}
	}
	down, err := l.Down()
	if err != nil {
		t.Fatal(err)
	}
	zone := fmt.Sprintf(mxZone, in.last.Host, down, in.twin1.Host, in.twin2.Host)
	in.resolver = peer.StartUnbound(t, peer.StartKnot(t, map[string]string{"tiers.test": zone}), "tiers.test")
	return in
}

func TestMXOrderOverKnotAndUnbound(t *testing.T) {
	in := startMXInternet(t)
	dir, bind := peer.Dir(t), peer.FreePort(t)
	p := peer.StartPostroad(t, dir, head(dir, bind)+fmt.Sprintf(`
resolver "default" {
  servers = [%q]
}
transport "mx" "internet" {
  port    = %d
  private = true
}
route "default" {
  via = transport.internet
}
`, in.resolver, in.lab.Port), bind)

	const n = 24
	for i := range n {
		if _, err := lab.Send(bind, "s@far.test", []string{fmt.Sprintf("u%d@tiers.test", i)}, []byte("Subject: x\r\n\r\nx\r\n")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := in.lab.Capture.WaitMessages(n, 30*time.Second); err != nil {
		t.Fatal(err)
	}
	if in.last.Len() != 0 {
		t.Errorf("%d messages went to the worst host while better ones were up", in.last.Len())
	}
	if in.twin1.Len() == 0 || in.twin2.Len() == 0 {
		t.Errorf("equal preferences were not shared: %d and %d", in.twin1.Len(), in.twin2.Len())
	}
	checkRouteOrder(t, p, in)

	in.twin1.Close()
	in.twin2.Close()
	in.lab.Capture.Forget()
	if _, err := lab.Send(bind, "s@far.test", []string{"late@tiers.test"}, []byte("Subject: x\r\n\r\nx\r\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := in.last.WaitMessages(1, 30*time.Second); err != nil {
		t.Errorf("with the better hosts down the last one got nothing: %v", err)
	}
}

// checkRouteOrder holds `route --dns` against the zone.
func checkRouteOrder(t *testing.T, p *peer.Postroad, in *mxInternet) {
	t.Helper()
	var answer struct {
		Recipients []struct {
			Deliveries []struct {
				Nexthops []string
				Order    string
			}
		}
	}
	if err := json.Unmarshal(p.Route(t, "u@tiers.test", "--client", "127.0.0.1", "--dns"), &answer); err != nil {
		t.Fatal(err)
	}
	hops := answer.Recipients[0].Deliveries[0].Nexthops
	port := fmt.Sprint(in.lab.Port)
	if len(hops) != 4 || hops[0] != "down.tiers.test:"+port || hops[3] != "last.tiers.test:"+port {
		t.Fatalf("route --dns gives %v", hops)
	}
	twins := slices.Sorted(slices.Values(hops[1:3]))
	if strings.Join(twins, " ") != "twin1.tiers.test:"+port+" twin2.tiers.test:"+port {
		t.Errorf("route --dns gives %v", hops)
	}
}
