package directory

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
)

// asked is a Directories with the attempts of one client.
type asked struct {
	*Directories
	t    *testing.T
	dirs []*config.Directory
	from string
}

func ask(t *testing.T, dirs ...*config.Directory) *asked {
	d := New(slog.New(slog.DiscardHandler))
	t.Cleanup(d.Close)
	return &asked{Directories: d, t: t, dirs: dirs, from: "192.0.2.1"}
}

func (a *asked) try(name, password string) (decide.Login, error) {
	return a.Verify(context.Background(), Attempt{
		Directories: a.dirs, Name: name, Password: password, Client: netip.MustParseAddr(a.from),
	})
}

// expect holds the answer against "staff/ann" or an error.
func (a *asked) expect(name, password string, want any) {
	a.t.Helper()
	login, err := a.try(name, password)
	switch want := want.(type) {
	case string:
		if err != nil || login.String() != want {
			a.t.Errorf("%q: %v, %v; want %s", name, login, err, want)
		}
	case error:
		if !errors.Is(err, want) || login != (decide.Login{}) {
			a.t.Errorf("%q: %v, %v; want %v", name, login, err, want)
		}
	}
}

// passwd is a directory of one file. It has a time of its own, since the clock of
// a test stands.
func passwd(t *testing.T, name, content string) *config.Directory {
	dir := &config.Directory{Name: name, Kind: "file", Path: filepath.Join(t.TempDir(), "passwd")}
	writeAt(t, dir.Path, content, 0)
	return dir
}

func writeAt(t *testing.T, path, content string, minute int) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2000, 1, 1, 0, minute, 0, 0, time.UTC)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func TestFileIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := passwd(t, "staff", "ann:"+argonPassword+"\n")
		a := ask(t, dir)
		a.expect("ann", "password", "staff/ann")
		a.expect("bob", "password", ErrWrong)
		writeAt(t, dir.Path, "bob:"+argonPassword+"\n", 1)
		a.expect("bob", "password", ErrWrong) // a second is nothing
		time.Sleep(2 * time.Second)
		a.expect("bob", "password", "staff/bob")
		a.expect("ann", "password", ErrWrong)
		writeAt(t, dir.Path, "ann:"+argonPassword+"\nbroken\n", 2)
		time.Sleep(2 * time.Second)
		a.expect("bob", "password", "staff/bob") // the old content stays, whole
		a.expect("ann", "password", ErrWrong)
		if err := os.Remove(dir.Path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		a.expect("bob", "password", "staff/bob")
		moved := *dir
		moved.Path += ".nowhere"
		a.dirs = []*config.Directory{&moved}
		a.expect("bob", "password", ErrUnavailable)
	})
}

func TestFileRefusesBrokenLines(t *testing.T) {
	for _, content := range []string{
		"ann\n", ":" + argonPassword + "\n", "ann:secret\n",
		"ann:" + argonPassword + "\nann:" + argonPassword + "\n",
	} {
		ask(t, passwd(t, "staff", content)).expect("ann", "password", ErrUnavailable)
	}
}

// counting is a hash that counts how often it is computed.
type counting struct{ n *int }

func (c counting) matches(string) bool { *c.n++; return false }

// Who does not exist costs as many hash computations as who does, and of the same
// hashes; who exists in the second of two directories too.
func TestUnknownNameCostsTheSame(t *testing.T) {
	a := ask(t, passwd(t, "one", "ann:"+argonPassword+"\n"), passwd(t, "two", "bob:"+argonPassword+"\n"))
	for _, name := range []string{"ann", "bob", "nobody", "other"} {
		before := a.hasher.computed.Load()
		a.expect(name, "wrong", ErrWrong)
		if n := a.hasher.computed.Load() - before; n != 2 {
			t.Errorf("%s: %d hashes computed, want one for each directory", name, n)
		}
	}
	n := 0
	if err := a.hasher.verify(t.Context(), Attempt{Name: "nobody"}, nil, []passwordHash{counting{&n}}); !errors.Is(err, ErrWrong) || n != 1 {
		t.Errorf("a decoy is computed %d times, %v", n, err)
	}
	if err := a.hasher.verify(t.Context(), Attempt{Name: "nobody"}, nil, nil); !errors.Is(err, ErrWrong) {
		t.Errorf("without any hash: %v", err)
	}
}

// Hashes are expensive: they wait for their turn, or for the client's patience to
// end.
func TestHashesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := passwd(t, "staff", "ann:"+argonPassword+"\n")
		dir.Timeout = time.Minute
		a := ask(t, dir)
		for range maxHashesAtOnce {
			a.hasher.slots <- struct{}{}
		}
		a.expect("ann", "password", ErrUnavailable)
	})
}

func TestSameNameInTwoDirectories(t *testing.T) {
	other := bcryptOf(t, "other")
	a := ask(t, passwd(t, "one", "ann:"+argonPassword+"\n"), passwd(t, "two", "ann:"+other+"\n"))
	a.expect("ann", "password", "one/ann")
	a.expect("ann", "other", "two/ann")
	a.expect("ann", "third", ErrWrong)
}

// One directory that cannot answer takes nothing from another, but no password is
// called wrong by those that are left.
func TestUnavailableIsNeverWrong(t *testing.T) {
	gone := &config.Directory{Name: "gone", Kind: "file", Path: "/nowhere/passwd"}
	for _, dirs := range [][]*config.Directory{
		{gone, passwd(t, "staff", "ann:"+argonPassword+"\n")},
		{passwd(t, "staff", "ann:"+argonPassword+"\n"), gone},
	} {
		a := ask(t, dirs...)
		a.expect("ann", "password", "staff/ann")
		a.expect("ann", "wrong", ErrUnavailable)
		a.expect("nobody", "wrong", ErrUnavailable)
	}
}

func TestNamesAndPasswordsThatNobodyHas(t *testing.T) {
	a := ask(t) // no directory is asked
	long := string(make([]byte, maxPassword+1))
	for _, c := range [][2]string{{"", "x"}, {"ann", ""}, {"a\tb", "x"}, {"a\nb", "x"}, {"a\x00", "x"}, {"a\x7f", "x"}, {"\xff", "x"}, {"ann", "a\x00b"}, {"ann", long}, {long, "x"}} {
		a.expect(c[0], c[1], ErrWrong)
	}
}
