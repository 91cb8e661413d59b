package powercut

import (
	"flag"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/postroad/postroad/test/peer"
)

var (
	cuts   = flag.Int("powercut.cuts", 0, "cuts a file system; 0: 100 in the campaign")
	points = flag.Int("powercut.points", 300, "flush marks looked at in the campaign, spread evenly; 0: all")
	pause  = flag.String("powercut.pause", "", "a file: while it exists no machine is started")
)

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	removeRamdisk()
	os.Exit(code)
}

// campaign tells the long form from the slice in CI.
func campaign() bool { return os.Getenv("POSTROAD_POWERCUT") == "all" }

// need skips where the machine cannot be built: unlike the peers it is not a
// part of what CI installs.
func need(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("a virtual machine is too slow for the short tests")
	}
	for _, p := range []string{"qemu-system-x86_64", "busybox", "cpio", "dmsetup", "mkfs.ext4", "mkfs.xfs", "apt-get", "dpkg-deb", "nice"} {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("%s is not installed", p)
		}
	}
}

// begin waits as long as the machine is wanted for something else.
func begin(t *testing.T) {
	t.Helper()
	if *pause == "" {
		return
	}
	for {
		if _, err := os.Stat(*pause); err != nil {
			return
		}
		time.Sleep(time.Second)
	}
}

// fileSystem is what the data folder stands on.
type fileSystem struct {
	name string
	mkfs []string
}

func fileSystems() []fileSystem {
	return []fileSystem{
		{"ext4", []string{"mkfs.ext4", "-q", "-F"}},
		{"xfs", []string{"mkfs.xfs", "-q", "-f"}},
	}
}

// image makes a disk with an empty file system.
func (fs fileSystem) image(t *testing.T, path string) {
	t.Helper()
	blank(t, path, imageSize)
	peer.Run(t, fs.mkfs[0], append(fs.mkfs[1:], path)...)
}

const imageSize = 1 << 30

// blank makes a disk with nothing on it; it takes space only as it is written.
func blank(t *testing.T, path string, size int64) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
}
