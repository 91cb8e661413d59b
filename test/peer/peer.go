package peer

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Need looks for programs and skips the test where one is missing, or fails it
// where CI requires them.
func Need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		_, err := exec.LookPath(p)
		switch {
		case err == nil:
		case os.Getenv("POSTROAD_INTEROP") == "required":
			t.Fatalf("%s is not installed, and POSTROAD_INTEROP requires it", p)
		default:
			t.Skipf("%s is not installed", p)
		}
	}
	if os.Getuid() != 0 {
		t.Skip("the peers are started as root")
	}
}

// NeedPerl is Need for a module of Perl.
func NeedPerl(t *testing.T, module string) {
	t.Helper()
	Need(t, "perl")
	if exec.Command("perl", "-M"+module, "-e", "1").Run() == nil {
		return
	}
	if os.Getenv("POSTROAD_INTEROP") == "required" {
		t.Fatalf("Perl has no %s, and POSTROAD_INTEROP requires it", module)
	}
	t.Skipf("Perl has no %s", module)
}

// Dir is a temporary folder that the peers' own users can enter.
func Dir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "peer-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// FreePort gives "127.0.0.1:port" that nobody listens on now.
func FreePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// Port is the port of host:port.
func Port(addr string) string { return addr[strings.LastIndexByte(addr, ':')+1:] }

// Write writes a file below dir, its folders included, and gives its path.
func Write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// Run runs a program to its end and fails the test when it fails.
func Run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Start starts a program that runs until the test ends. Its output goes to a
// file in dir, after what an earlier run left there, and to the test's log when
// the test failed.
func Start(t *testing.T, dir, name string, args ...string) *exec.Cmd {
	t.Helper()
	log, err := os.OpenFile(filepath.Join(dir, filepath.Base(name)+".log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop(cmd)
		log.Close()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("%s:\n%s", name, tail(string(text), 6000))
		}
	})
	return cmd
}

func stop(cmd *exec.Cmd) {
	if cmd.ProcessState != nil {
		return
	}
	cmd.Process.Signal(os.Interrupt)
	done := make(chan struct{})
	go func() { cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(8 * time.Second):
		cmd.Process.Kill()
		<-done
	}
}

func tail(s string, n int) string {
	if len(s) > n {
		return "…" + s[len(s)-n:]
	}
	return s
}

// WaitFor polls until ok says nil, and fails the test with its last error.
func WaitFor(t *testing.T, limit time.Duration, ok func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if err = ok(); err == nil {
			return
		}
	}
	t.Fatalf("after %v: %v", limit, err)
}

// Accepts tells whether somebody takes connections on addr.
func Accepts(addr string) error {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return err
	}
	return c.Close()
}

// Greets tells whether a server greets on addr with 220.
func Greets(addr string) error {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(2 * time.Second))
	b := make([]byte, 3)
	if _, err := c.Read(b); err != nil {
		return err
	}
	if string(b) != "220" {
		return fmt.Errorf("greeting %q", b)
	}
	fmt.Fprintf(c, "QUIT\r\n")
	return nil
}
