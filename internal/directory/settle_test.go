package directory

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/config"
)

// A file that holds who opens it, or that was emptied a moment ago, makes no
// password wrong and nobody wait.
func TestFileKeepsItsContent(t *testing.T) {
	dir := passwd(t, "staff", "ann:"+argonPassword+"\n")
	log := &strings.Builder{}
	f := newFile(dir, nil, slog.New(slog.NewTextHandler(log, nil)))
	knows := func() bool {
		t.Helper()
		f.checked = time.Time{}
		p, err := f.load()
		if err != nil {
			t.Fatal(err)
		}
		return p.hashes["ann"] != nil
	}
	for _, c := range []struct {
		what string
		put  func() error
		told string
	}{
		{"plain", func() error { return nil }, ""},
		{"gone", func() error { return os.Remove(dir.Path) }, "no such file"},
		{"pipe", func() error { return syscall.Mkfifo(dir.Path, 0o600) }, "not a plain file"},
		{"folder", func() error { return errors.Join(os.Remove(dir.Path), os.Mkdir(dir.Path, 0o700)) }, ""}, // told already
		{"emptied", func() error { return errors.Join(os.Remove(dir.Path), os.WriteFile(dir.Path, nil, 0o600)) }, "is empty and was not before"},
		{"being written", func() error { return os.WriteFile(dir.Path, []byte("bob:"+argonPassword+"\n"), 0o600) }, ""},
	} {
		if err := c.put(); err != nil {
			t.Fatal(err)
		}
		log.Reset()
		if !knows() {
			t.Errorf("%s: the content is lost", c.what)
		}
		if !strings.Contains(log.String(), c.told) || c.told == "" && log.Len() > 0 {
			t.Errorf("%s: the log says %q", c.what, log)
		}
	}
	writeAt(t, dir.Path, "", 0)
	if knows() {
		t.Error("empty for long: the old content is still there")
	}
}

// A pipe from the start: nobody can tell, and nobody waits.
func TestFileThatIsAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "passwd")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	f := newFile(&config.Directory{Name: "staff", Path: path}, nil, slog.New(slog.DiscardHandler))
	if _, err := f.load(); !errors.Is(err, config.ErrNotPlain) {
		t.Errorf("load: %v", err)
	}
}
