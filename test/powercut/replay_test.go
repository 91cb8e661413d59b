package powercut

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// recorded is how long there is load.
const recorded = 20 * time.Second

// TestReplay records all that reaches the device, with marks that say what had
// been answered by then, and opens the store as it was at each flush.
func TestReplay(t *testing.T) {
	if !campaign() {
		t.Skip("a part of the campaign")
	}
	need(t)
	for _, fs := range fileSystems() {
		t.Run(fs.name, func(t *testing.T) { newScene(t, fs).replay() })
	}
}

func (s *scene) replay() {
	s.t.Helper()
	log, before, spare := filepath.Join(s.dir, "log.img"), filepath.Join(s.dir, "before.img"), filepath.Join(s.dir, "spare.img")
	blank(s.t, log, 8*imageSize)
	blank(s.t, spare, imageSize)
	if err := copyFile(s.disk(), before); err != nil {
		s.t.Fatal(err)
	}
	m := s.boot(log, before, spare)
	m.do(`dmsetup create rec --table "0 $(blockdev --getsz /dev/vda) log-writes /dev/vda /dev/vdb"`)
	s.mount(m, "/dev/mapper/rec")
	m.serve(s.client.Addr)
	marks := &marks{scene: s, machine: m}
	s.fill(0, func() { marks.during(recorded) })
	m.do("kill $!; wait; umount /data && dmsetup remove rec")
	marks.note()
	marks.look(*points)
	m.cut()
}

// marks are what the ledger said at each mark of the record.
type marks struct {
	scene   *scene
	machine *machine
	acked   [][]string        // before mark i was written
	arrived []map[string]bool // after it was

	present map[string]bool // messages at the point that is being told
	mark    int
	points  int
	header  string
	lost    atomic.Int64
}

// markEvery is how often the record is marked.
const markEvery = 300 * time.Millisecond

func (k *marks) during(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(markEvery) {
		k.write()
	}
	k.write()
}

// write marks the record: what was answered before it is durable by then, and
// what is not in the store then has been delivered before the next.
func (k *marks) write() {
	k.acked = append(k.acked, k.scene.client.Ledger.AckedIDs())
	k.machine.do("dmsetup message rec 0 mark %d", len(k.acked)-1)
	k.note()
}

// note says what has arrived until now. The last note comes after the last mark.
func (k *marks) note() {
	k.scene.collect()
	k.arrived = append(k.arrived, k.scene.client.Ledger.ArrivedIDs())
}

// look replays the record and holds each point against the ledger.
func (k *marks) look(most int) {
	k.machine.t.Helper()
	k.present, k.mark = map[string]bool{}, -1
	k.machine.stream(k.line, "guest -fs %s -most %d", k.scene.fs.name, most)
	if k.points == 0 {
		k.machine.fail("no point was looked at")
	}
	k.scene.t.Logf("%s: replayed to %d flush and FUA marks (%s): %d acknowledged, %d lost at any of them",
		k.scene.fs.name, k.points, k.header, len(k.acked[len(k.acked)-1]), k.lost.Load())
}

// line is what the guest says of a point.
func (k *marks) line(line string) {
	t := k.scene.t
	switch word, rest, _ := strings.Cut(line, " "); {
	case word == "points":
		k.header = rest + " recorded"
	case strings.HasPrefix(word, "+"):
		k.present[word[1:]] = true
		if !k.scene.client.Ledger.Whole(word[1:], rest) {
			t.Errorf("%s is altered", word[1:])
		}
	case strings.HasPrefix(word, "-"):
		delete(k.present, word[1:])
	case word == "mark":
		if n, err := strconv.Atoi(rest); err == nil {
			k.mark = n
		}
	case word == "point":
		k.points++
		k.hold(rest)
	default:
		t.Error(line)
	}
}

// hold compares a point with the mark before it.
func (k *marks) hold(point string) {
	if k.mark < 0 {
		return
	}
	gone := k.arrived[k.mark+1]
	for _, id := range k.acked[k.mark] {
		if !k.present[id] && !gone[id] {
			k.lost.Add(1)
			k.scene.t.Error(fmt.Sprintf("%s was answered 250 before mark %d and is not there at point %s", id, k.mark, point))
			return
		}
	}
}
