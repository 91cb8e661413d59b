package receive

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
)

const (
	// "password" with the salt "somesalt".
	argonPassword = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
)

func bcryptOf(t *testing.T, password string) string {
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(h)
}

func TestParseHash(t *testing.T) {
	twoY := "$2y$" + bcryptOf(t, "password")[4:]
	for _, good := range []string{argonPassword, bcryptOf(t, "password"), twoY} {
		h, err := parseHash(good)
		if err != nil {
			t.Errorf("%s: %v", good, err)
			continue
		}
		if !h.matches("password") || h.matches("Password") || h.matches("") {
			t.Errorf("%s: matches the wrong ones", good)
		}
	}
	for _, bad := range []string{
		"", "password", "$1$abc", "$2y$", "$2y$99$" + strings.Repeat("a", 53),
		"$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=16$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=19$m=99999999,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=19$m=256,t=0,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=19$m=256,t=2,p=1,x=3$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$c2hvcnQ",
		"$argon2id$v=19$m=256,t=2,p=1$*$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		argonPassword + "$",
	} {
		if _, err := parseHash(bad); err == nil {
			t.Errorf("%q is taken for a hash", bad)
		}
	}
}

func testDirectory(t *testing.T, content string) (*directories, *config.Directory) {
	path := filepath.Join(t.TempDir(), "passwd")
	writeAt(t, path, content, 0)
	return newDirectories(slog.New(slog.NewTextHandler(io.Discard, nil))), &config.Directory{Name: "staff", Path: path}
}

// writeAt gives the file a time of its own, since the clock of a test stands.
func writeAt(t *testing.T, path, content string, minute int) {
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2000, 1, 1, 0, minute, 0, 0, time.UTC)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func TestDirectoryIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, dir := testDirectory(t, "ann:"+argonPassword+"\n")
		try := func(name string, want error) {
			t.Helper()
			login, err := d.verify(t.Context(), []*config.Directory{dir}, name, "password")
			if !errors.Is(err, want) || err == nil && login != (decide.Login{Directory: "staff", Name: name}) {
				t.Errorf("%s: %v, %v; want %v", name, login, err, want)
			}
		}
		try("ann", nil)
		try("bob", errWrongLogin)
		writeAt(t, dir.Path, "bob:"+argonPassword+"\n", 1)
		try("bob", errWrongLogin) // a second is nothing
		time.Sleep(2 * time.Second)
		try("bob", nil)
		try("ann", errWrongLogin)
		writeAt(t, dir.Path, "ann:"+argonPassword+"\nbroken\n", 2)
		time.Sleep(2 * time.Second)
		try("bob", nil) // the old content stays, whole
		try("ann", errWrongLogin)
		if err := os.Remove(dir.Path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		try("bob", nil)
		dir.Path += ".nowhere"
		try("bob", errUnavailable)
	})
}

func TestDirectoryRefusesBrokenFiles(t *testing.T) {
	for _, content := range []string{
		"ann\n", ":" + argonPassword + "\n", "ann:secret\n",
		"ann:" + argonPassword + "\nann:" + argonPassword + "\n",
	} {
		d, dir := testDirectory(t, content)
		if _, err := d.verify(t.Context(), []*config.Directory{dir}, "ann", "password"); !errors.Is(err, errUnavailable) {
			t.Errorf("%q: %v", content, err)
		}
	}
}

// counting is a hash that counts how often it is verified.
type counting struct{ n *int }

func (c counting) matches(string) bool { *c.n++; return false }

// Who does not exist costs a verification as well.
func TestUnknownNameCostsTheSame(t *testing.T) {
	d, dir := testDirectory(t, "")
	n := 0
	d.files[dir.Path] = &passwords{hashes: map[string]passwordHash{"ann": counting{&n}}, decoy: counting{&n}, checked: time.Now()}
	for _, name := range []string{"ann", "nobody"} {
		n = 0
		if _, err := d.verify(t.Context(), []*config.Directory{dir}, name, "x"); !errors.Is(err, errWrongLogin) || n != 1 {
			t.Errorf("%s: %d verifications, %v", name, n, err)
		}
	}
}

// Verifications are expensive: they wait for their turn, or for the client's
// patience to end.
func TestVerificationsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, dir := testDirectory(t, "ann:"+argonPassword+"\n")
		for range maxVerificationsAtOnce {
			d.slots <- struct{}{}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := d.verify(ctx, []*config.Directory{dir}, "ann", "password"); !errors.Is(err, errUnavailable) {
			t.Errorf("verify: %v", err)
		}
	})
}
