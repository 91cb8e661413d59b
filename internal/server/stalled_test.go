package server_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// A table that cannot be read is no table without entries: who is there and who
// is not both get "try later", at once, and mail flows when the file is back.
func TestStalledTableDefersEverybody(t *testing.T) {
	for name, stall := range map[string]func(path string) error{
		"named pipe": func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"folder":     func(path string) error { return os.Mkdir(path, 0o700) },
		"gone":       func(string) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			users := filepath.Join(w.dir, "users")
			content, err := os.ReadFile(users)
			if err != nil {
				t.Fatal(err)
			}
			must(t, os.Remove(users))
			must(t, stall(users))
			begin := time.Now()
			w.start()
			for _, rcpt := range []string{"ann@ours.test", "nobody@ours.test"} {
				if r := w.send(rcpt).Refusal(); r.Code != 451 {
					t.Errorf("%s was answered %v", rcpt, r)
				}
			}
			if took := time.Since(begin); took > patience {
				t.Errorf("the answers took %v", took)
			}
			must(t, os.RemoveAll(users))
			must(t, os.WriteFile(users, content, 0o600))
			w.eventually("the table is back", func() bool { return w.send("ann@ours.test").Accepted() })
			if r := w.send("nobody@ours.test").Refusal(); r.Code != 550 {
				t.Errorf("an unknown user was answered %v", r)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
