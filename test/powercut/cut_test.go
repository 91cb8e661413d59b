package powercut

import (
	"math/rand/v2"
	"testing"
	"time"
)

// cutsOf a file system: the campaign's, or a slice.
func cutsOf(fs fileSystem) int {
	switch {
	case *cuts > 0:
		return *cuts
	case campaign():
		return 100
	case fs.name == "ext4":
		return 2
	}
	return 1
}

// restless is how often a cut comes while the server is still taking up what the
// one before left.
const restless = 8

// TestCuts takes the power at random moments, again and again on the same image,
// and holds what arrives after each restart against the ledger.
func TestCuts(t *testing.T) {
	need(t)
	for _, fs := range fileSystems() {
		t.Run(fs.name, func(t *testing.T) {
			s := newScene(t, fs)
			n := cutsOf(fs)
			rng := rand.New(rand.NewPCG(uint64(n), uint64(time.Now().UnixNano())))
			for i := range n {
				s.cut(i, rng)
				if i%10 == 9 {
					s.progress("after %d of %d cuts", i+1, n)
				}
			}
			m := s.boot()
			s.mount(m, "/dev/vda")
			m.serve(s.client.Addr)
			s.drain(m)
			m.cut()
			s.verdict("%d cuts", n)
		})
	}
}

// cut boots, holds what the cut before left against the ledger, fills the queue
// and cuts in the middle of that.
func (s *scene) cut(i int, rng *rand.Rand) {
	s.t.Helper()
	m := s.boot()
	s.mount(m, "/dev/vda")
	if i%restless == restless-1 {
		m.do("postroad serve -c /tmp/postroad.hcl >/dev/ttyS0 2>&1 &")
		time.Sleep(time.Duration(rng.IntN(2500)) * time.Millisecond)
		m.cut()
		return
	}
	m.serve(s.client.Addr)
	s.drain(m)
	s.fill(time.Duration(50+rng.IntN(3950))*time.Millisecond, m.cut)
}
