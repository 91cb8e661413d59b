package deliver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/deliver/limited"
)

// headMax octets of a program's output are kept; they are for one line.
const headMax = 1 << 10

// program is one run of a command: without a shell, in a process group of its
// own, with nothing of our environment and our files. When run returns, the
// program and whatever it left behind in its group have ended.
type program struct {
	spec    *config.Pipe
	args    []string
	message func(*bufio.Writer) error // writes standard input; its errors are of reading

	cmd    *exec.Cmd
	input  *os.File // our ends
	output *os.File
	broken chan error // the first reason to kill it
	head   []byte
}

// run starts the program and waits for its end. It obeys ctx.
func (p *program) run(ctx context.Context) ended {
	if err := p.start(); err != nil {
		return ended{err: err}
	}
	p.broken = make(chan error, 2) // one of each goroutine at most
	var flow sync.WaitGroup
	flow.Go(p.write)
	flow.Go(p.read)
	exited := make(chan struct{})
	go func() {
		awaitExit(p.cmd.Process.Pid)
		close(exited)
	}()
	why := p.watch(ctx, exited)
	<-exited
	// It has ended and is not reaped yet, so that its number cannot be another's.
	// Whatever it left behind would hold our ends open.
	p.kill()
	_ = p.input.SetDeadline(time.Now())
	_ = p.output.SetDeadline(time.Now().Add(leftoverWait))
	flow.Wait()
	err := p.cmd.Wait()
	p.input.Close()
	p.output.Close()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		why = errors.Join(why, err)
	}
	if why == nil {
		select {
		case why = <-p.broken: // it ended by itself just then
		default:
		}
	}
	return ended{code: p.cmd.ProcessState.ExitCode(), err: why, output: p.head}
}

// leftoverWait is for output of a process that left the group and is nobody's to
// kill.
const leftoverWait = time.Second

// watch waits for the end, and kills the program when there is a reason to.
func (p *program) watch(ctx context.Context, exited <-chan struct{}) error {
	timer := time.NewTimer(p.spec.Timeout)
	defer timer.Stop()
	var why error
	select {
	case <-exited:
		return nil
	case why = <-p.broken:
	case <-timer.C:
		why = errProgramTime
	case <-ctx.Done():
		why = ctx.Err()
	}
	p.kill()
	return why
}

// kill ends the whole process group.
func (p *program) kill() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) }

func (p *program) start() error {
	attributes, err := p.attributes()
	if err != nil {
		return err
	}
	theirInput, ours, err := os.Pipe()
	if err != nil {
		return err
	}
	defer theirInput.Close()
	output, theirOutput, err := os.Pipe()
	if err != nil {
		ours.Close()
		return err
	}
	defer theirOutput.Close()
	p.input, p.output = ours, output
	path, args := p.args[0], p.args
	if p.spec.Limits != (config.PipeLimits{}) {
		path, args = limited.Command(p.spec.Limits, p.args)
	}
	p.cmd = &exec.Cmd{
		Path: path, Args: args, Dir: p.spec.Directory, SysProcAttr: attributes,
		Env:   []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + p.spec.Directory, "LANG=C.UTF-8"},
		Stdin: theirInput, Stdout: theirOutput, Stderr: theirOutput,
	}
	if err := p.cmd.Start(); err != nil {
		ours.Close()
		output.Close()
		return fmt.Errorf("deliver: the program cannot be started: %w", err)
	}
	return nil
}

// write hands the message over. A program that does not want all of it may close
// its end: its exit code says what that means. One that is given half a message
// because we cannot read the rest must not take it for the whole.
func (p *program) write() {
	w := bufio.NewWriterSize(p.input, copyBuffer)
	if err := p.message(w); err != nil {
		p.broken <- errors.Join(errMessageRead, err)
		p.kill() // before it sees the end
	} else {
		_ = w.Flush()
	}
	p.input.Close()
}

// read takes the output, and keeps its head.
func (p *program) read() {
	buf := make([]byte, 4<<10)
	total := int64(0)
	for {
		n, err := p.output.Read(buf)
		p.head = append(p.head, buf[:min(n, headMax-len(p.head))]...)
		if total += int64(n); p.spec.MaxOutput > 0 && total > p.spec.MaxOutput {
			p.broken <- errProgramOutput
			return
		}
		if err != nil {
			return
		}
	}
}

// awaitExit returns when the process has ended, and leaves it to be reaped.
func awaitExit(pid int) {
	for {
		if err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil); !errors.Is(err, unix.EINTR) {
			return
		}
	}
}
