package equivalence

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/postroad/postroad/internal/importer/postfix"
)

const (
	taskVariable = "POSTROAD_EQUIVALENCE_TASK"
	outcomeName  = "outcome.json"
)

// task is what a world is told to do.
type task struct {
	Conf      string // files of the configuration
	Dir       string // of this world
	Postroad  string // the program
	Envelopes int
}

// world is the inside of the namespaces.
type world struct {
	task
	names    *names
	captures *captures
	imported *postfix.Result
}

// liveIn does the task of a file and writes its outcome.
func liveIn(path string) error {
	w := &world{names: newNames()}
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &w.task)
	}
	if err != nil {
		return err
	}
	for _, step := range []func() error{w.prepare, w.names.serve, w.capture, w.startPostfix, w.sockets, w.startPostroad} {
		if err := step(); err != nil {
			return err
		}
	}
	o, err := w.compare()
	if err != nil {
		return err
	}
	if text, err = json.Marshal(o); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(w.Dir, outcomeName), text, 0o644)
}

// prepare makes every address local and gives the world folders of its own: both
// servers find their files where a machine has them.
func (w *world) prepare() error {
	etc := filepath.Join(w.Dir, "etc")
	commands := [][]string{
		{"ip", "link", "set", "lo", "up"},
		{"ip", "route", "add", "local", "0.0.0.0/0", "dev", "lo"},
		{"cp", "-a", "/etc", etc},
		{"mount", "--bind", etc, "/etc"},
	}
	for _, dir := range []string{"/var/lib", "/var/spool", "/var/mail", "/var/log", "/run", "/usr/local/bin"} {
		commands = append(commands, []string{"mount", "-t", "tmpfs", "-o", "mode=755", "world", dir})
	}
	for _, c := range commands {
		if err := run(c...); err != nil {
			return err
		}
	}
	if err := os.Chmod("/var/mail", 0o777); err != nil {
		return err
	}
	return os.WriteFile("/etc/resolv.conf", []byte("nameserver 127.0.0.1\n"), 0o644)
}

func run(command ...string) error {
	out, err := exec.Command(command[0], command[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, out)
	}
	return nil
}

// waitFor polls until ok says nil, and gives its last error.
func waitFor(limit time.Duration, ok func() error) error {
	var err error
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if err = ok(); err == nil {
			return nil
		}
	}
	return fmt.Errorf("after %v: %w", limit, err)
}
