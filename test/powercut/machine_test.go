package powercut

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/postroad/postroad/test/peer"
	"github.com/postroad/postroad/test/serverlog"
)

// How long a guest may take: it is emulated, and the machine has other work.
const (
	bootWithin    = 4 * time.Minute
	commandWithin = 3 * time.Minute
)

// machine is a running guest. It is used by one goroutine, but for forward.
type machine struct {
	t       *testing.T
	cmd     *exec.Cmd
	in      io.WriteCloser
	lines   chan string // from the second serial port; closed with the machine
	console string      // file with the kernel's and the server's output
	expects []string    // messages of level ERROR that the test causes
}

// hardware of a machine.
type hardware struct {
	disks   []string // files: vda, vdb, …
	console string   // file
	smtp    string   // address on the host that leads to the guest's listener
	expects []string // messages of level ERROR that the test causes
}

// boot starts a guest and waits until it obeys. It is killed with the test, and
// by the kernel when the test's process ends in any other way.
func boot(t *testing.T, r ramdisk, h hardware) *machine {
	t.Helper()
	peer.NoteSources(t)
	begin(t)
	args := []string{
		"-n", "19", "qemu-system-x86_64", "-accel", "tcg", "-cpu", "max,la57=off", "-m", "768", "-smp", "1",
		"-display", "none", "-monitor", "none", "-no-reboot",
		"-serial", "file:" + h.console, "-serial", "stdio",
		"-kernel", r.kernel, "-initrd", r.initrd, "-append", "console=ttyS0 panic=-1 quiet random.trust_cpu=on mitigations=off nokaslr no_timer_check",
		"-netdev", "user,id=n0,hostfwd=tcp:" + h.smtp + "-:2525", "-device", "virtio-net-pci,netdev=n0,romfile=",
	}
	for _, d := range h.disks {
		args = append(args, "-drive", "if=virtio,format=raw,cache=writeback,file="+d)
	}
	m := &machine{t: t, cmd: exec.Command("nice", args...), lines: make(chan string, 1000), console: h.console, expects: h.expects}
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	m.cmd.Stderr = os.Stderr
	in, err := m.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := m.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	m.in = in
	if err := m.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.cut)
	go m.read(out)
	if _, err := m.until(bootWithin, func(line string) bool { return line == "ready" }); err != nil {
		m.fail("the guest did not come up: %v", err)
	}
	return m
}

func (m *machine) read(out io.Reader) {
	defer close(m.lines)
	sc := bufio.NewScanner(out)
	for sc.Scan() {
		m.lines <- strings.TrimRight(sc.Text(), "\r")
	}
}

// cut takes the power: nothing in the guest is told. Errors that the server told
// of until then fail the test.
func (m *machine) cut() {
	if m.cmd.ProcessState != nil {
		return
	}
	m.cmd.Process.Kill()
	for range m.lines { // until the pipe is closed; Wait must not come before
	}
	m.cmd.Wait()
	faults, err := serverlog.FaultsOf(m.console, m.expects...)
	if err != nil {
		m.t.Error(err)
	}
	for _, f := range faults[:min(len(faults), 5)] {
		m.t.Errorf("the server said %s", f)
	}
}

// fail ends the test with what the console said last.
func (m *machine) fail(format string, args ...any) {
	m.t.Helper()
	text, _ := os.ReadFile(m.console)
	m.t.Fatalf("%s\nconsole:\n%s", fmt.Sprintf(format, args...), text[max(0, len(text)-4000):])
}

// until reads lines up to the one that is the last. The limit is for each.
func (m *machine) until(limit time.Duration, last func(string) bool) ([]string, error) {
	var out []string
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		select {
		case line, ok := <-m.lines:
			switch {
			case !ok:
				return out, fmt.Errorf("the machine ended after %q", out)
			case last(line):
				return append(out, line), nil
			}
			out = append(out, line)
			timer.Reset(limit)
		case <-timer.C:
			return out, fmt.Errorf("nothing more in %v after %q", limit, out)
		}
	}
}

// try runs a line of shell in the guest and gives its status and output.
func (m *machine) try(format string, args ...any) (status int, output string) {
	m.t.Helper()
	line := fmt.Sprintf(format, args...)
	if _, err := io.WriteString(m.in, line+"\n"); err != nil {
		m.fail("%s: %v", line, err)
	}
	lines, err := m.until(commandWithin, func(l string) bool { return strings.HasPrefix(l, "= ") })
	if err != nil {
		m.fail("%s: %v", line, err)
	}
	end := len(lines) - 1
	status, err = strconv.Atoi(lines[end][2:])
	if err != nil {
		m.fail("%s: %v", line, err)
	}
	return status, strings.Join(lines[:end], "\n")
}

// stream runs a line of shell whose answer is long, and gives each line away. The
// status must be 0.
func (m *machine) stream(each func(line string), format string, args ...any) {
	m.t.Helper()
	line := fmt.Sprintf(format, args...)
	if _, err := io.WriteString(m.in, line+"\n"); err != nil {
		m.fail("%s: %v", line, err)
	}
	status := ""
	_, err := m.until(commandWithin, func(l string) bool {
		ended := strings.HasPrefix(l, "= ")
		if status = l; !ended {
			each(l)
		}
		return ended
	})
	if err != nil || status != "= 0" {
		m.fail("%s: %s, %v", line, status, err)
	}
}

// do is try that must succeed.
func (m *machine) do(format string, args ...any) string {
	m.t.Helper()
	status, out := m.try(format, args...)
	if status != 0 {
		m.fail("%s: status %d: %s", fmt.Sprintf(format, args...), status, out)
	}
	return out
}

// serve starts the server and waits until it greets.
func (m *machine) serve(smtp string) {
	m.t.Helper()
	m.do("postroad serve -c /tmp/postroad.hcl >/dev/ttyS0 2>&1 &")
	end := time.Now().Add(commandWithin)
	for peer.Greets(smtp) != nil {
		if status, _ := m.try("kill -0 $!"); status != 0 || time.Now().After(end) {
			m.fail("the server does not greet")
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// configure writes the configuration of the server.
func (m *machine) configure(text string) {
	m.t.Helper()
	m.do("printf '%s' >/tmp/postroad.hcl", strings.ReplaceAll(text, "\n", `\n`))
}
