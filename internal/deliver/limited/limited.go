//go:build linux

package limited

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/postroad/postroad/internal/config"
)

// calledAs is the name under which Main knows itself. No shell can give a program
// an argument zero like that by accident.
const calledAs = "postroad: run within limits"

// exOSErr is EX_OSERR of sysexits.h: the delivery waits.
const exOSErr = 71

// Command gives what to start instead of a program, so that it runs within
// limits.
func Command(l config.PipeLimits, program []string) (path string, args []string) {
	var list []string
	for _, r := range resources() {
		if most := r.of(l); most > 0 {
			list = append(list, strconv.Itoa(r.id)+"="+strconv.FormatUint(most, 10))
		}
	}
	return "/proc/self/exe", append([]string{calledAs, strings.Join(list, ",")}, program...)
}

type resource struct {
	id int
	of func(config.PipeLimits) uint64
}

// resources in the order in which they are set: after the last of them memory may
// be short.
func resources() []resource {
	return []resource{
		{unix.RLIMIT_FSIZE, func(l config.PipeLimits) uint64 { return uint64(l.FileSize) }},
		{unix.RLIMIT_CPU, func(l config.PipeLimits) uint64 { return uint64(l.CPU / time.Second) }},
		{unix.RLIMIT_NOFILE, func(l config.PipeLimits) uint64 { return uint64(l.OpenFiles) }},
		{unix.RLIMIT_NPROC, func(l config.PipeLimits) uint64 { return uint64(l.Processes) }},
		{unix.RLIMIT_AS, func(l config.PipeLimits) uint64 { return uint64(l.Memory) }},
	}
}

// Main becomes the program, where args are those of Command; else it does
// nothing.
func Main(args []string) {
	if len(args) < 3 || args[0] != calledAs {
		return
	}
	err := become(args[1], args[2:])
	fmt.Fprintln(os.Stderr, err)
	os.Exit(exOSErr)
}

func become(list string, program []string) error {
	for _, item := range strings.Split("4=0,"+list, ",") { // RLIMIT_CORE
		id, most, _ := strings.Cut(item, "=")
		resource, err := strconv.Atoi(id)
		if err != nil {
			return fmt.Errorf("no limit: %q", item)
		}
		n, err := strconv.ParseUint(most, 10, 64)
		if err != nil {
			return fmt.Errorf("no limit: %q", item)
		}
		if err := syscall.Setrlimit(resource, &syscall.Rlimit{Cur: n, Max: n}); err != nil {
			return fmt.Errorf("limit %q: %w", item, err)
		}
	}
	return syscall.Exec(program[0], program, os.Environ())
}
