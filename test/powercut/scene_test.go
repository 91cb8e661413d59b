package powercut

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/lab"
	"github.com/postroad/postroad/test/load"
	"github.com/postroad/postroad/test/peer"
)

// config of the server in the guest, which reaches the host as 10.0.2.2. One
// lane's next hop takes all, the other's is busy until the test drains.
const config = `hostname = "guest.test"
data     = "/data/postroad"
min_free = "32MiB"
listener "in" {
  bind = ["0.0.0.0:2525"]
}
relay "in" {
  client = ["10.0.2.0/24"]
}
transport "smtp" "open" {
  to    = ["10.0.2.2:%s"]
  retry = retry.soon
}
transport "smtp" "busy" {
  to    = ["10.0.2.2:%s"]
  retry = retry.soon
}
retry "soon" {
  after   = ["2s"]
  then    = "2s"
  give_up = "5d"
}
route "busy" {
  recipient = ["busy.test"]
  via       = transport.busy
}
route "default" {
  via = transport.open
}
log {
  level = "warn"
}
`

// scene is a server's disk and what is outside: receivers, ledger, load.
type scene struct {
	t          *testing.T
	ramdisk    ramdisk
	fs         fileSystem
	dir        string
	open, busy *lab.Receiver
	noted      map[*lab.Receiver]int // so many of its messages are in the ledger
	client     load.Client
	config     string
	expects    []string // messages of level ERROR that the test causes
}

func newScene(t *testing.T, fs fileSystem) *scene {
	t.Helper()
	s := &scene{t: t, ramdisk: needRamdisk(t), fs: fs, dir: peer.Dir(t), noted: map[*lab.Receiver]int{}}
	for _, r := range []**lab.Receiver{&s.open, &s.busy} {
		var err error
		if *r, err = lab.Listen(lab.Config{Name: "sink.test", Addr: "127.0.0.1:0"}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { (*r).Close() })
		s.noted[*r] = 0
	}
	s.client = load.Client{Ledger: load.NewLedger(), Addr: peer.FreePort(t), To: []string{"u@open.test", "u@busy.test"}}
	s.config = fmt.Sprintf(config, peer.Port(s.open.Addr), peer.Port(s.busy.Addr))
	fs.image(t, s.disk())
	return s
}

// disk is the image with the data folder.
func (s *scene) disk() string { return filepath.Join(s.dir, "data.img") }

// boot starts a machine with the data's disk and others after it.
func (s *scene) boot(more ...string) *machine {
	s.t.Helper()
	m := boot(s.t, s.ramdisk, hardware{
		disks:   append([]string{s.disk()}, more...),
		console: filepath.Join(s.dir, "console"),
		smtp:    s.client.Addr,
		expects: s.expects,
	})
	m.configure(s.config)
	return m
}

// mount puts the data folder on a device of the guest.
func (s *scene) mount(m *machine, device string) {
	s.t.Helper()
	m.do("mount -t %s %s /data", s.fs.name, device)
}

// fill sends for so long; then cut is called in the middle of it.
func (s *scene) fill(d time.Duration, cut func()) {
	s.busy.On(lab.Rule{At: lab.Rcpt, Reply: "451 4.2.0 later"})
	ctx, cancel := context.WithCancel(s.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.client.Run(ctx, sessions)
	}()
	time.Sleep(d)
	cut()
	cancel()
	<-ended
}

// sessions of the load. A sync takes long in the guest, and many share one.
const sessions = 32

// collect notes what arrived since the last time, and tells whether anything did.
func (s *scene) collect() bool {
	any := false
	for r, noted := range s.noted {
		messages := r.Messages()
		s.client.Ledger.Arrive(messages[noted:])
		any = any || len(messages) > noted
		s.noted[r] = len(messages)
	}
	return any
}

// forget makes room once everything acknowledged has come. What arrives between
// the two lines was never acknowledged.
func (s *scene) forget() {
	for r := range s.noted {
		r.Forget()
		s.noted[r] = 0
	}
}

// patience is how long nothing may arrive while acknowledged mail is missing.
const patience = 90 * time.Second

// drain lets everything go, and fails the test if something in the ledger does
// not come.
func (s *scene) drain(m *machine) {
	s.t.Helper()
	s.busy.Clear()
	for last := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		if s.collect() {
			last = time.Now()
		}
		a := s.client.Ledger.Account()
		if len(a.Lost) == 0 {
			s.forget()
			return
		}
		if time.Since(last) > patience {
			m.fail("%d of %d acknowledged messages do not come, %s first", len(a.Lost), a.Acked, a.Lost[0])
		}
	}
}

// progress tells how it stands in the middle of a campaign.
func (s *scene) progress(format string, args ...any) {
	s.t.Helper()
	a := s.client.Ledger.Account()
	s.t.Logf("%s: %s: %d acknowledged, %d of them queued", s.fs.name, fmt.Sprintf(format, args...), a.Acked, len(a.Lost))
}

// verdict fails the test for what was altered, and tells the counts.
func (s *scene) verdict(format string, args ...any) {
	s.t.Helper()
	a := s.client.Ledger.Account()
	if len(a.Altered) > 0 {
		s.t.Errorf("%d messages were altered, %s first", len(a.Altered), a.Altered[0])
	}
	if a.Acked == 0 {
		s.t.Error("nothing was acknowledged: the load proved nothing")
	}
	s.t.Logf("%s: %s: %d acknowledged, %d lost, %d altered, %d delivered twice",
		s.fs.name, fmt.Sprintf(format, args...), a.Acked, len(a.Lost), len(a.Altered), a.Duplicates)
}
