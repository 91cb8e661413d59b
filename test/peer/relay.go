package peer

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/postroad/postroad/internal/lab"
)

// Relay is a server of ours that takes mail from this machine and gives all of it
// to one next hop, which it tries again each second. What is exported may be
// changed before it starts.
type Relay struct {
	Sink *lab.Receiver // the next hop
	Addr string        // of the server
	Dir  string        // of its configuration and log
	Data string        // its data folder
	Head string        // of the configuration

	// Expects are beginnings of messages of level ERROR that the test causes. Any
	// other in the log of any of its servers fails it.
	Expects []string
}

const relayConfig = `
hostname = "relay.test"
data     = %q
listener "in" {
  bind = [%q]
}
relay "in" {
  client = ["127.0.0.0/8"]
}
transport "smtp" "sink" {
  to    = [%q]
  retry = retry.soon
}
retry "soon" {
  after   = ["1s"]
  then    = "1s"
  give_up = "5d"
}
route "default" {
  via = transport.sink
}
log {
  level = "warn"
}
`

// NewRelay gives a server that does not run yet, with a sink that does.
func NewRelay(t *testing.T) *Relay {
	t.Helper()
	sink, err := lab.Listen(lab.Config{Name: "sink.test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sink.Close() })
	dir := Dir(t)
	r := &Relay{Sink: sink, Addr: FreePort(t), Dir: dir, Data: filepath.Join(dir, "data")}
	t.Cleanup(func() { logIsClean(t, dir, r.Expects...) })
	return r
}

// Config is the text of the configuration.
func (r *Relay) Config() string {
	return r.Head + fmt.Sprintf(relayConfig, r.Data, r.Addr, r.Sink.Addr)
}

// Start starts the server, or starts it again when it has ended.
func (r *Relay) Start(t *testing.T) *Postroad {
	t.Helper()
	return startPostroad(t, r.Dir, r.Config(), r.Addr)
}
