package powercut

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

var (
	//go:embed testdata/init.sh
	initScript []byte
	//go:embed testdata/supervise.sh
	superviseScript []byte
)

// ramdisk is what a machine starts from.
type ramdisk struct{ kernel, initrd string }

// errNoKernel: the kernel cannot be had here, which skips the test.
var errNoKernel = errors.New("no kernel")

// built is the ramdisk, made once a test binary.
var built = sync.OnceValues(buildRamdisk)

func needRamdisk(t *testing.T) ramdisk {
	t.Helper()
	r, err := built()
	if errors.Is(err, errNoKernel) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// removeRamdisk is for the end of TestMain. It builds nothing.
func removeRamdisk() { os.RemoveAll(ramdiskDir()) }

func ramdiskDir() string { return filepath.Join(os.TempDir(), fmt.Sprintf("powercut-%d", os.Getpid())) }

func buildRamdisk() (ramdisk, error) {
	pkg, err := kernelPackage()
	if err != nil {
		return ramdisk{}, fmt.Errorf("%w: %w", errNoKernel, err)
	}
	root := filepath.Join(ramdiskDir(), "root")
	for _, d := range []string{"bin", "modules", "etc"} {
		if err := os.MkdirAll(filepath.Join(root, d), 0o755); err != nil {
			return ramdisk{}, err
		}
	}
	r := ramdisk{initrd: filepath.Join(ramdiskDir(), "initrd")}
	if r.kernel, err = one(filepath.Join(pkg, "boot", "vmlinuz-*")); err != nil {
		return r, err
	}
	err = errors.Join(
		os.WriteFile(filepath.Join(root, "init"), initScript, 0o755),
		os.WriteFile(filepath.Join(root, "bin", "supervise"), superviseScript, 0o755),
		copyModules(pkg, root),
		copyProgram("busybox", root),
		copyProgram("dmsetup", root),
		build("./cmd/postroad", filepath.Join(root, "bin", "postroad")),
		build("./test/powercut/guest", filepath.Join(root, "bin", "guest")),
	)
	if err != nil {
		return r, err
	}
	return r, run("sh", "-c", `cd "$1" && find . | cpio --quiet -o -H newc >"$2"`, "sh", root, r.initrd)
}

// kernelPackage is a folder with the content of Debian's newest cloud kernel:
// one that was unpacked before, or a fresh download.
func kernelPackage() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "postroad-powercut")
	unpacked := filepath.Join(dir, "kernel")
	if _, err := one(filepath.Join(unpacked, "boot", "vmlinuz-*")); err == nil {
		return unpacked, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	script := `cd "$1" && rm -rf new ./*.deb && ` +
		`p=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image/{print $2; exit}') && ` +
		`apt-get download -q "$p" && dpkg-deb -x ./*.deb new && rm ./*.deb && mv new kernel`
	return unpacked, run("sh", "-c", script, "sh", dir)
}

// modules are those that the guest needs, with what they depend on.
func modules() []string {
	return []string{
		"virtio", "virtio_ring", "virtio_pci", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_blk",
		"failover", "net_failover", "virtio_net", "libcrc32c", "crc32c_generic", "xfs",
		"dax", "dm-mod", "dm-bufio", "dm-log-writes", "dm-flakey", "dm-snapshot",
	}
}

// copyModules takes those that are modules in this kernel; the rest is built in.
func copyModules(pkg, root string) error {
	wanted := map[string]bool{}
	for _, m := range modules() {
		wanted[m+".ko"] = true
	}
	return filepath.WalkDir(filepath.Join(pkg, "lib", "modules"), func(path string, d os.DirEntry, err error) error {
		if err != nil || !wanted[d.Name()] {
			return err
		}
		return copyFile(path, filepath.Join(root, "modules", d.Name()))
	})
}

// copyProgram takes a program of this machine with its libraries.
func copyProgram(name, root string) error {
	path, err := exec.LookPath(name)
	if err != nil {
		return err
	}
	// ldd fails on a static program, which needs nothing.
	libs, _ := exec.Command("ldd", path).Output()
	for _, word := range strings.Fields(string(libs)) {
		if !strings.HasPrefix(word, "/") {
			continue
		}
		if err := copyFile(word, filepath.Join(root, word)); err != nil {
			return err
		}
	}
	return copyFile(path, filepath.Join(root, "bin", name))
}

func copyFile(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return run("cp", "-L", "--sparse=always", from, to)
}

// build compiles a program that needs no libraries.
func build(pkg, to string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", to, pkg)
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w: %s", pkg, err, out)
	}
	return nil
}

// one is the only file of a pattern, or the last by name.
func one(pattern string) (string, error) {
	found, err := filepath.Glob(pattern)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("no %s", pattern)
	}
	if err != nil {
		return "", err
	}
	return found[len(found)-1], nil
}

func run(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return nil
}
