package peer

import "testing"

// The peers themselves start and answer; what they say to postroad is in interop.
func TestPeersStart(t *testing.T) {
	t.Run("postfix", func(t *testing.T) { StartPostfix(t, "myhostname = pf.test\n") })
	t.Run("dovecot", func(t *testing.T) { StartDovecot(t, "ann@store.test") })
	t.Run("dns", func(t *testing.T) {
		zone := "$ORIGIN a.test.\n$TTL 60\n@ SOA ns hm 1 60 60 60 60\n@ NS ns\nns A 127.0.0.1\n@ MX 10 mx\nmx A 127.0.0.2\n"
		StartUnbound(t, StartKnot(t, map[string]string{"a.test": zone}), "a.test")
	})
}
