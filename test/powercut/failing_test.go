package powercut

import (
	"os"
	"strings"
	"testing"
	"time"
)

// turns of the disk in seconds: writes pass, then fail. A start takes a while in
// the guest, and some of it shall come about.
const turns = "6 1"

// failingFor is how long the disk fails in turns.
const failingFor = 90 * time.Second

// TestFailingDisk serves from a disk whose writes fail in turns, with a server
// that is started again whenever it ends. What was answered 250 is there when
// the disk is whole again.
func TestFailingDisk(t *testing.T) {
	need(t)
	if !campaign() {
		t.Skip("a part of the campaign")
	}
	for _, fs := range fileSystems() {
		t.Run(fs.name, func(t *testing.T) {
			s := newScene(t, fs)
			s.expects = []string{"spool: the database failed, ending the process", "spool: a big body could not be made durable"}
			m := s.boot()
			m.do(`table() { echo "0 $(blockdev --getsz /dev/vda) $*"; }`)
			m.do(`dmsetup create flaky --table "$(table flakey /dev/vda 0 %s 1 error_writes)"`, turns)
			m.do("supervise %s >/dev/ttyS0 2>&1 &", fs.name)
			s.fill(0, func() { time.Sleep(failingFor) })
			// Only now does every write pass; a file system that has failed stays so
			// until it is mounted anew.
			m.do(`touch /tmp/stop; dmsetup suspend --nolockfs --noflush flaky; dmsetup load flaky --table "$(table linear /dev/vda 0)"; dmsetup resume flaky`)
			m.do("killall -9 postroad; wait; umount /data || ! grep -q ' /data ' /proc/mounts")
			m.do("dmsetup remove flaky")
			ended := s.endings()
			s.mount(m, "/dev/vda")
			m.serve(s.client.Addr)
			s.drain(m)
			m.cut()
			s.verdict("writes failing in turns of %s s for %v, the server ended by itself %d times", turns, failingFor, ended)
			if ended == 0 {
				t.Error("no server ended: the disk's faults did not reach it")
			}
		})
	}
}

// endings counts how often a server ended by itself, as the console has it; 137
// is the supervisor's doing.
func (s *scene) endings() int {
	text, err := os.ReadFile(s.dir + "/console")
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.Count(string(text), "server ended: ") - strings.Count(string(text), "server ended: 137")
}
