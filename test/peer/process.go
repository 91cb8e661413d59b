package peer

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Program is what a Process runs.
type Program struct {
	Dir  string // of its log
	User string // "": root
	End  syscall.Signal
	All  bool     // End is for what it started too, which outlives it
	Args []string // the program's path first
}

// Process is a server that a test ends, freezes and starts again.
type Process struct {
	t       *testing.T
	program Program
	cmd     *exec.Cmd
}

// StartProcess starts a program; it is ended with the test.
func StartProcess(t *testing.T, p Program) *Process {
	t.Helper()
	out := &Process{t: t, program: p}
	out.Start()
	t.Cleanup(func() {
		out.Thaw()
		out.End()
		if t.Failed() {
			text, _ := os.ReadFile(out.log())
			t.Logf("%s:\n%s", p.Args[0], tail(string(text), 4000))
		}
	})
	return out
}

func (p *Process) log() string {
	return filepath.Join(p.program.Dir, filepath.Base(p.program.Args[0])+".log")
}

// Start starts the program again after End.
func (p *Process) Start() {
	p.t.Helper()
	log, err := os.OpenFile(p.log(), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		p.t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(p.program.Args[0], p.program.Args[1:]...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, p.program.Dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential(p.t, p.program.User)}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.cmd = cmd
}

// End ends the program and waits until it is gone.
func (p *Process) End() {
	if p.cmd == nil {
		return
	}
	if p.program.All {
		p.Freeze() // so that the family is whole
		for _, pid := range family(p.cmd.Process.Pid) {
			syscall.Kill(pid, p.program.End)
			syscall.Kill(pid, syscall.SIGCONT)
		}
	} else {
		p.cmd.Process.Signal(p.program.End)
	}
	gone := make(chan struct{})
	go func() { p.cmd.Wait(); close(gone) }()
	select {
	case <-gone:
	case <-time.After(10 * time.Second):
		p.signal(syscall.SIGKILL)
		<-gone
	}
	p.cmd = nil
}

// Freeze stops the program and its children by SIGSTOP: sockets stay open, and
// nobody answers.
func (p *Process) Freeze() { p.signal(syscall.SIGSTOP) }

// Thaw lets it go on.
func (p *Process) Thaw() { p.signal(syscall.SIGCONT) }

// signal reaches the program and all that it started.
func (p *Process) signal(s syscall.Signal) {
	if p.cmd != nil {
		signalAll(p.t, p.cmd.Process.Pid, s)
	}
}

// signalAll reaches a program, then all that it started; PostgreSQL's children
// leave its process group. A child that is being started while the kernel lists
// them may be missing, so that the list is gone through more than once.
func signalAll(t *testing.T, pid int, s syscall.Signal) {
	for range 5 {
		for _, member := range family(pid) {
			if err := syscall.Kill(member, s); err != nil && !errors.Is(err, syscall.ESRCH) {
				t.Error(err)
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// family is a program and all that it started.
func family(pid int) []int {
	all := []int{pid}
	for i := 0; i < len(all); i++ {
		all = append(all, children(all[i])...)
	}
	return all
}

func children(pid int) []int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	var out []int
	for _, f := range strings.Fields(string(text)) {
		if child, err := strconv.Atoi(f); err == nil {
			out = append(out, child)
		}
	}
	return out
}

func credential(t *testing.T, name string) *syscall.Credential {
	t.Helper()
	if name == "" {
		return nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}
