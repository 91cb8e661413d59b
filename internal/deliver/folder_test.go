package deliver

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/postroad/postroad/internal/spool"
)

// folderOf delivers to ann with a subaddress and gives where the message went,
// "" for the inbox.
func folderOf(t *testing.T, w *world, root, subaddress string) string {
	t.Helper()
	before := tree(t, root)
	a := job("t", "ann@d.example")
	if subaddress != "" {
		a.Job.Nexthops = []string{subaddress}
	}
	if res := w.d.Attempt(t.Context(), a); res.Recipients[0].State != spool.Delivered {
		t.Errorf("%q: %s", subaddress, told(a, res))
	}
	for path := range tree(t, root) {
		if _, old := before[path]; !old && filepath.Base(path) != "maildirfolder" {
			rel := strings.TrimPrefix(path, "d.example/ann/")
			return strings.TrimSuffix(filepath.Dir(rel), "new")
		}
	}
	t.Errorf("%q went nowhere", subaddress)
	return "?"
}

func TestFolders(t *testing.T) {
	w, root := mailboxes(t)
	tr := w.cfg.Transports["t"]
	try := func(subaddress, want string) {
		t.Helper()
		if got := folderOf(t, w, root, subaddress); got != want {
			t.Errorf("%q went to %q, want %q", subaddress, got, want)
		}
	}
	try("work", "") // folders are not asked for
	tr.Folders = true
	try("", "")
	try("work", "")
	for _, dir := range []string{".work", ".Lists", ".lists.go"} {
		if err := os.MkdirAll(filepath.Join(root, "d.example/ann", dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	try("work", ".work/")
	try("WORK", ".work/")
	try("Lists", ".Lists/")
	try("lists", "") // another folder, which is not there
	try("Lists.Go", ".lists.go/")
	tr.CreateFolders = true
	try("New.Sub", ".new.sub/")
	if _, err := os.Stat(filepath.Join(root, "d.example/ann/.new.sub/maildirfolder")); err != nil {
		t.Error(err)
	}
	try("new.sub", ".new.sub/")
	for _, other := range []string{".", "..", "a..b", ".a", "a.", "a/b", "../x", "a b", "é", "a+b", "a.b.c.d.e", strings.Repeat("x", 101), "a\x00", "a&-b"} {
		try(other, "")
	}
	link := filepath.Join(t.TempDir(), ".link")
	if err := os.Symlink(root, link); err != nil {
		t.Fatal(err)
	}
	if is, err := (osFiles{}).IsDir(link); is || err != nil {
		t.Errorf("a link is taken for a folder: %v", err)
	}
}

// A folder can be the first thing that a maildir gets.
func TestFolderOfANewMaildir(t *testing.T) {
	w, root := mailboxes(t)
	w.cfg.Transports["t"].Folders, w.cfg.Transports["t"].CreateFolders = true, true
	if got := folderOf(t, w, root, "work"); got != ".work/" {
		t.Errorf("went to %q", got)
	}
	for _, dir := range []string{"cur", "new", "tmp"} {
		if info, err := os.Stat(filepath.Join(root, "d.example/ann", dir)); err != nil || !info.IsDir() {
			t.Errorf("%s: %v", dir, err)
		}
	}
}
