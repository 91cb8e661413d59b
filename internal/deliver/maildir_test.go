package deliver

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

func mailboxes(t *testing.T) (*world, string) {
	w := newWorld(t)
	root := t.TempDir()
	w.transport(&config.Transport{Name: "t", Kind: decide.KindMaildir, Path: root + "/{domain}/{local}"})
	return w, root
}

// tree is every file below root, with its content.
func tree(t *testing.T, root string) map[string]string {
	out := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		rel, _ := filepath.Rel(root, path)
		out[rel] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestMaildir(t *testing.T) {
	w, root := mailboxes(t)
	a := job("t", "Ann@d.example", "bob@d.example")
	a.Body = newBody("return-PATH: <old@x.example>,\r\n\t<folded@x.example>\r\nReceived: x\r\nReturn-Path: <two@x.example>\r\nReturn-Pathology: stays\r\n\r\nReturn-Path: body\r\n.dot")
	a.Job.Expanded, a.Job.Original = address("team@d.example"), address("sales@d.example")
	res := w.d.Attempt(context.Background(), a)
	want := "Ann delivered 250 2.0.0 delivered to maildir | bob delivered 250 2.0.0 delivered to maildir"
	if got := told(a, res); got != want {
		t.Errorf("got %s", got)
	}
	files := tree(t, root)
	name := regexp.MustCompile(`^d\.example/(ann|bob)/new/\d+\.M\d{6}P\d+Q\d+\.me\.example$`)
	for path, content := range files {
		if !name.MatchString(path) {
			t.Errorf("file %s", path)
		}
		to := map[bool]string{true: "Ann@d.example", false: "bob@d.example"}[strings.Contains(path, "/ann/")]
		want := "Return-Path: <s@example.org>\nDelivered-To: " + to + "\nDelivered-To: team@d.example\nX-Original-To: sales@d.example\n" +
			"Received: x\nReturn-Pathology: stays\n\nReturn-Path: body\n.dot\n"
		if content != want {
			t.Errorf("%s: got %q, want %q", path, content, want)
		}
		info, err := os.Stat(filepath.Join(root, path))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", path, info.Mode(), err)
		}
	}
	if len(files) != 2 {
		t.Errorf("%d files", len(files))
	}
}

func TestMaildirFields(t *testing.T) {
	w, root := mailboxes(t)
	a := job("t", "ann@d.example")
	a.Job.Sender = mail.Path{}
	a.Job.Expanded = address("ann@d.example") // an alias to itself and others
	a.Job.Original = address("team@d.example")
	w.d.Attempt(context.Background(), a)
	for _, content := range tree(t, root) {
		if want := "Return-Path: <>\nDelivered-To: ann@d.example\nX-Original-To: team@d.example\nSubject: x\n\n.hello\n"; content != want {
			t.Errorf("got %q, want %q", content, want)
		}
	}
}

// Whatever a stranger writes into a local part, the file stays in a folder of
// its own below the domain's, and no two addresses share one.
func TestNoPathEscapes(t *testing.T) {
	w, root := mailboxes(t)
	seen := map[string]string{}
	for _, local := range []string{
		"..", ".", "...", "../../etc/passwd", "/etc/passwd", "a/b", "a\\b", ".hidden", "a\x00b", "{domain}", "{local}", "%2E%2E", "%2e",
		"a b", "new", "tmp", "*", "~root", "é", "a:2,S", "\u202e", "a|b", "a'b", "-rf",
	} {
		rcpt := mail.Address{Local: local, Domain: "d.example"}
		a := job("t", "x@d.example")
		a.Job.Recipients[0].Final = rcpt
		res := w.d.Attempt(context.Background(), a)
		if res.Recipients[0].State != spool.Delivered {
			t.Errorf("%q: %s", local, told(a, res))
			continue
		}
		for path := range tree(t, root) {
			parts := strings.Split(path, "/")
			if len(parts) != 4 || parts[0] != "d.example" || parts[2] != "new" || strings.HasPrefix(parts[1], ".") {
				t.Errorf("%q went to %s", local, path)
			}
			if seen[parts[1]] == "" {
				seen[parts[1]] = local
			} else if seen[parts[1]] != local && len(tree(t, filepath.Join(root, "d.example", parts[1]))) > 1 {
				t.Errorf("%q and %q share %s", local, seen[parts[1]], parts[1])
			}
		}
	}
	outside, err := os.ReadDir(filepath.Dir(root))
	if err != nil || len(outside) != 1 {
		t.Errorf("files outside: %v %v", outside, err)
	}
}

func TestAddressesWithoutMailbox(t *testing.T) {
	w, root := mailboxes(t)
	for _, rcpt := range []mail.Address{
		{Local: "postmaster"}, {Local: "", Domain: "d.example"}, {Local: "a\xff", Domain: "d.example"},
		{Local: strings.Repeat("/", 100), Domain: "d.example"},
	} {
		a := job("t", "x@d.example")
		a.Job.Recipients[0].Final = rcpt
		if res := w.d.Attempt(context.Background(), a); res.Recipients[0].State != spool.Failed || res.Recipients[0].Reply.Enhanced != "5.1.3" {
			t.Errorf("%+v: %+v", rcpt, res)
		}
	}
	if files := tree(t, root); len(files) != 0 {
		t.Errorf("files %v", files)
	}
}

func FuzzComponent(f *testing.F) {
	f.Add("../x")
	f.Add("{local}%")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := component(s)
		if err != nil {
			return
		}
		if c == "" || len(c) > componentMax || c[0] == '.' || strings.ContainsAny(c, "/\\\x00{}\n\r ") {
			t.Fatalf("%q gives %q", s, c)
		}
		if back := decoded(c); back != s {
			t.Fatalf("%q gives %q, which is that of %q", s, c, back)
		}
	})
}

// decoded is what component had been given: where this is always so, no two
// names share a component.
func decoded(c string) string {
	var b []byte
	for i := 0; i < len(c); i++ {
		if c[i] == '%' {
			b = append(b, byte(strings.IndexByte("0123456789ABCDEF", c[i+1])<<4|strings.IndexByte("0123456789ABCDEF", c[i+2])))
			i += 2
		} else {
			b = append(b, c[i])
		}
	}
	return string(b)
}

// faulty fails the n-th call of a file system with err.
type faulty struct {
	fileSystem
	left *int
	err  error
}

func (f faulty) fail() error {
	*f.left--
	if *f.left == 0 {
		return f.err
	}
	return nil
}

func (f faulty) MakeAll(dir string) error {
	return errors.Join(f.fail(), f.fileSystem.MakeAll(dir))
}

func (f faulty) Create(path string) (file, error) {
	if err := f.fail(); err != nil {
		return nil, err
	}
	inner, err := f.fileSystem.Create(path)
	return faultyFile{inner, f}, err
}

func (f faulty) Link(from, to string) error {
	if err := f.fail(); err != nil {
		return err
	}
	return f.fileSystem.Link(from, to)
}

func (f faulty) SyncDir(dir string) error {
	if err := f.fail(); err != nil {
		return err
	}
	return f.fileSystem.SyncDir(dir)
}

type faultyFile struct {
	file
	f faulty
}

func (f faultyFile) Write(p []byte) (int, error) {
	if err := f.f.fail(); err != nil {
		return 0, err
	}
	return f.file.Write(p)
}

func (f faultyFile) Sync() error {
	if err := f.f.fail(); err != nil {
		return err
	}
	return f.file.Sync()
}

func (f faultyFile) Close() error {
	return errors.Join(f.f.fail(), f.file.Close())
}

// Whichever call fails, the recipient waits and no part of the message is left
// where a reader would find it.
func TestDiskErrorsWait(t *testing.T) {
	for err, want := range map[error]string{
		syscall.ENOSPC: "452 4.3.1 mail system full",
		syscall.EDQUOT: "452 4.2.2 mailbox full",
		syscall.EIO:    "451 4.3.0 mailbox cannot be written now",
	} {
		failures := 0
		for n := 1; ; n++ {
			w, root := mailboxes(t)
			left := n
			w.d.fs = faulty{osFiles{}, &left, err}
			a := job("t", "a@d.example")
			res := w.d.Attempt(context.Background(), a)
			if left > 0 {
				if res.Recipients[0].State != spool.Delivered || len(tree(t, root)) != 1 {
					t.Errorf("without a failure: %s", told(a, res))
				}
				break
			}
			failures++
			if got := told(a, res); got != "a waits "+want || len(tree(t, root)) != 0 {
				t.Errorf("call %d fails by %v: %s, files %v", n, err, got, tree(t, root))
			}
		}
		if failures < 7 {
			t.Errorf("only %d calls of the file system", failures)
		}
	}
}

func TestDamagedBodyIsNotDelivered(t *testing.T) {
	w, root := mailboxes(t)
	a := job("t", "a@d.example")
	a.Body = damaged{a.Body}
	if res := w.d.Attempt(context.Background(), a); res.Recipients[0].State != spool.Waiting || len(tree(t, root)) != 0 {
		t.Errorf("%s, files %v", told(a, res), tree(t, root))
	}
}

// Long lines come through whatever way they fall on the buffer.
func TestCopyFinalLongLines(t *testing.T) {
	for _, n := range []int{copyBuffer - 2, copyBuffer - 1, copyBuffer, copyBuffer + 1, 3 * copyBuffer} {
		long := strings.Repeat("x", n)
		in := "Return-Path: " + long + "\r\n " + long + "\r\nA: " + long + "\r\n\r\n" + long + "\r\n" + long
		var out bytes.Buffer
		w := bufio.NewWriter(&out)
		if err := errors.Join(copyFinal(w, strings.NewReader(in)), w.Flush()); err != nil {
			t.Fatal(err)
		}
		if want := "A: " + long + "\n\n" + long + "\n" + long + "\n"; out.String() != want {
			t.Errorf("%d: got %d octets, want %d", n, out.Len(), len(want))
		}
	}
}
