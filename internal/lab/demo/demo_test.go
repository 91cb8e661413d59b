package demo

import (
	"bytes"
	"context"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/postroad/postroad/examples"
	"github.com/postroad/postroad/internal/config"
)

// elsewhere writes the example with free ports and a folder of its own, so that
// the test disturbs no demo and none disturbs it.
func elsewhere(t *testing.T) string {
	t.Helper()
	return withDoor(t, free(t, "127.0.0.1"))
}

// withDoor is elsewhere, with a door at an address.
func withDoor(t *testing.T, door string) string {
	t.Helper()
	dir := t.TempDir()
	change := strings.NewReplacer(
		"127.0.0.1:2525", door, "127.0.0.1:5355", free(t, "127.0.0.1"),
		"127.0.0.1:8025", free(t, "127.0.0.1"), "2625", port(free(t, "127.0.1.1")),
		"/tmp/postroad-demo", filepath.Join(dir, "data"),
	)
	err := fs.WalkDir(examples.Demo, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := fs.ReadFile(examples.Demo, path)
		if err != nil {
			return err
		}
		to := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return err
		}
		return os.WriteFile(to, []byte(change.Replace(string(text))), 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "demo.hcl")
}

// free gives an address that nobody has, for now: neither for TCP nor for UDP, since
// a DNS server needs both.
func free(t *testing.T, host string) string {
	t.Helper()
	for {
		l, err := net.Listen("tcp", host+":0")
		if err != nil {
			t.Fatal(err)
		}
		addr := l.Addr().String()
		c, err := net.ListenPacket("udp", addr)
		l.Close()
		if err == nil {
			c.Close()
			return addr
		}
	}
}

func port(addr string) string {
	_, p, _ := net.SplitHostPort(addr)
	return p
}

// Run fails by itself when anything went another way than was told; the test
// looks for what each stop is there to show.
func TestTour(t *testing.T) {
	var out bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := Run(ctx, Options{Config: elsewhere(t), Output: &out, Once: true}); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{
		"arrived  ann@home.example at store.home.example [127.0.1.61], LMTP",
		"550 5.1.1", "554 5.7.1", "we do not talk to you",
		"arrived  y@south.example at mx2.south.example",
		"arrived  z@west.example at mx2.west.example",
		"arrived  x@north.example at smarthost.provider.example [127.0.1.41], ESMTP, TLS 1.3, login shop",
		"arrived  rep@partner.example at relay.partner.example [127.0.1.51], ESMTP, TLS 1.3",
		"arrived  all@archive.example at archive.example",
		"arrived  q@legacy.example at old.legacy.example",
		"dropped  ann@home.example",
		"returned n@nomail.example; the report to ann@home.example arrived at store.home.example",
		"waiting  full@home.example", "mailbox full",
		"All 14 messages went where the explanation had said.",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in the tour", want)
		}
	}
	if strings.Contains(out.String(), "waiting  ann@home.example") {
		t.Error("who has the message does not wait")
	}
	if t.Failed() {
		t.Log(out.String())
	}
}

// After the tour the server stays until ctx ends, and tells what arrives.
func TestStays(t *testing.T) {
	path := elsewhere(t)
	ctx, cancel := context.WithCancel(t.Context())
	r, w := net.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, Options{Config: path, Output: w}); w.Close() }()
	c, _ := config.Load(path, config.Options{})
	if !waitFor(r, "Ctrl-C") {
		t.Fatalf("no invitation: %v", <-ended)
	}
	go func() {
		_, _ = stop{client: stranger, from: "a@north.example", to: []string{"bob@home.example"}}.letter(99, c.Listeners[0].Bind[0]).Send(ctx)
	}()
	if !waitFor(r, "arrived  from <a@north.example> for bob@home.example at store.home.example") {
		t.Error("the arrival was not told")
	}
	cancel()
	go waitFor(r, "until the end")
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// waitFor reads until text was there, or the end.
func waitFor(r net.Conn, text string) bool {
	var all []byte
	buf := make([]byte, 4096)
	for !bytes.Contains(all, []byte(text)) {
		n, err := r.Read(buf)
		if err != nil {
			return false
		}
		all = append(all, buf[:n]...)
	}
	return true
}

func TestAddressInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	door := l.Addr().String()
	path := withDoor(t, door)
	err = Run(t.Context(), Options{Config: path, Output: new(bytes.Buffer), Once: true})
	if err == nil || !strings.Contains(err.Error(), "does another demo run?") || !strings.Contains(err.Error(), door) {
		t.Errorf("got %v", err)
	}
}

// A folder that no demo made may hold somebody's mail.
func TestForeignFolderIsNotTouched(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "data")
	if err := freshFolder(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "old"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := freshFolder(dir); err != nil || exists(filepath.Join(dir, "old")) {
		t.Errorf("a demo's own folder: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, marker)); err != nil {
		t.Fatal(err)
	}
	if err := freshFolder(dir); err == nil {
		t.Error("a foreign folder was emptied")
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if err := freshFolder(link); err == nil {
		t.Error("a link was followed")
	}
}

// The example is without a fault, as it stands and in the binary.
func TestExampleIsClean(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	path, err := configuration("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(filepath.Dir(path)) })
	if _, diags := config.Load(path, config.Options{Serving: true}); len(diags) > 0 {
		t.Errorf("%+v", diags)
	}
}
