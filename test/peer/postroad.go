package peer

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postroad/postroad/test/serverlog"
)

// built is the program, made once a test binary.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "postroad-bin-")
	if err != nil {
		return "", err
	}
	if err := noteSources(); err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "postroad")
	cmd := exec.Command("go", "build", "-o", bin, "github.com/postroad/postroad/cmd/postroad")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", errors.New(string(out))
	}
	return bin, nil
})

// noteSources reads the folders with the program's sources, so that `go test`
// takes them for the test's input: it keeps the verdict of a test while nothing
// has changed that the test is made of or has opened, and does not know what a
// compiler opened for it.
func noteSources() error {
	mod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return err
	}
	file := strings.TrimSpace(string(mod))
	root := filepath.Dir(file)
	_, err = os.Stat(file)
	for _, folder := range []string{"cmd", "internal", "examples", "test"} {
		err = errors.Join(err, filepath.WalkDir(filepath.Join(root, folder), func(_ string, _ fs.DirEntry, err error) error { return err }))
	}
	return err
}

// NoteSources is for tests that build the program in a way of their own: `go
// test` forgets their verdict too when its sources change.
func NoteSources(t *testing.T) {
	t.Helper()
	if err := noteSources(); err != nil {
		t.Fatal(err)
	}
}

// Binary is the path of the program, built once; Main takes it away.
func Binary(t *testing.T) string {
	t.Helper()
	bin, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// Main runs the tests of a package, and takes the program away when it was built
// for them. It ends the process.
func Main(m *testing.M) {
	code := m.Run()
	if bin, err := built(); err == nil {
		os.RemoveAll(filepath.Dir(bin))
	}
	os.Exit(code)
}

// Postroad is a running server.
type Postroad struct {
	Bin    string
	Config string // path
	Cmd    *exec.Cmd
}

// StartPostroad writes config to dir and serves it; smtp is an address on which
// it must greet before the test goes on. An error in its log fails the test, but
// for one that tells of a table or a directory that is away.
func StartPostroad(t *testing.T, dir, config, smtp string) *Postroad {
	t.Helper()
	t.Cleanup(func() { logIsClean(t, dir, "table does not answer", "cannot authenticate") })
	return startPostroad(t, dir, config, smtp)
}

// logIsClean fails a test for errors in the log of the servers that ran in dir,
// unless the test causes them. They have ended.
func logIsClean(t *testing.T, dir string, expected ...string) {
	t.Helper()
	faults, err := serverlog.FaultsOf(filepath.Join(dir, "postroad.log"), expected...)
	if err != nil && !t.Skipped() {
		t.Error(err)
	}
	if len(faults) > 0 {
		t.Errorf("%d errors in the server's log, first\n%s", len(faults), strings.Join(faults[:min(len(faults), 5)], "\n"))
	}
}

func startPostroad(t *testing.T, dir, config, smtp string) *Postroad {
	t.Helper()
	p := &Postroad{Bin: Binary(t), Config: Write(t, dir, "postroad.hcl", config)}
	p.Cmd = Start(t, dir, p.Bin, "serve", "-c", p.Config)
	WaitFor(t, 15*time.Second, func() error { return Greets(smtp) })
	return p
}

// Route runs `postroad route --json` and gives its output, whatever the verdict.
func (p *Postroad) Route(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(p.Bin, append([]string{"route", "-c", p.Config, "--json"}, args...)...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() == 2) {
		t.Fatalf("route %v: %v: %s", args, err, exit.Stderr)
	}
	return out
}
