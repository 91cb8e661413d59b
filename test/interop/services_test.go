package interop

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/table"
	"github.com/postroad/postroad/internal/table/dial"
	httptable "github.com/postroad/postroad/internal/table/http"
	"github.com/postroad/postroad/internal/table/postfix"
	"github.com/postroad/postroad/internal/table/remote"
	"github.com/postroad/postroad/internal/table/tabletest"
	"github.com/postroad/postroad/test/peer"
)

// hostileValues has every other hostile key, and known@out.test.
func hostileValues(keys []string) map[string]string {
	values := map[string]string{"known@out.test": "box"}
	for i := 0; i < len(keys); i += 2 {
		values[keys[i]] = fmt.Sprint(i)
	}
	return values
}

// holdTo asks for all keys, one by one and together, and wants these values.
func holdTo(t *testing.T, a remote.Asker, keys []string, values map[string]string) {
	t.Helper()
	check := func(k string, got table.Answer) {
		t.Helper()
		switch v, there := values[k]; {
		case there && (got.Status != table.Found || !slices.Equal(got.Values, []string{v})):
			t.Errorf("%q: %+v, want %s", k, got, v)
		case !there && got.Status != table.NotFound:
			t.Errorf("%q: %+v, want not found", k, got)
		}
	}
	for _, k := range keys {
		check(k, a.Lookup(t.Context(), k))
	}
	if b, can := a.(remote.Batcher); can {
		for i, got := range b.LookupAll(t.Context(), keys) {
			check(keys[i], got)
		}
	}
}

// postmapAnswers are what Postfix finds for keys that a line can hold.
func postmapAnswers(t *testing.T, conf, source string, keys []string) map[string]string {
	t.Helper()
	cmd := exec.Command("postmap", "-f", "-c", conf, "-q", "-", source)
	cmd.Stdin = strings.NewReader(strings.Join(keys, "\n") + "\n")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && (!errors.As(err, &exit) || errs.Len() > 0) {
		t.Fatalf("postmap: %v\n%s", err, &errs)
	}
	found := map[string]string{}
	for line := range strings.Lines(out.String()) {
		i := strings.LastIndexByte(line, '\t')
		found[line[:i]] = strings.TrimSuffix(line[i+1:], "\n")
	}
	return found
}

// Services that speak Postfix's protocols answer us as they answer Postfix.
func TestSocketmapAndTCPTables(t *testing.T) {
	t.Parallel()
	peer.Need(t, "postmap")
	keys := append(tabletest.HostileKeys(), tabletest.Raw()...)
	values := hostileValues(keys)
	lines := slices.DeleteFunc(tabletest.HostileKeys(), func(k string) bool { return strings.TrimSpace(k) != k })
	conf := peer.Dir(t)
	peer.Write(t, conf, "main.cf", "compatibility_level = 3.6\n")
	for protocol, more := range map[string]string{"socketmap": "\n  map = \"users\"", "tcp": ""} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			s := peer.StartService(t, protocol, values)
			server := dial.Server{Network: "tcp", Address: s.Addr}
			a, source := postfix.NewTCP(server, 4), "tcp:"+s.Addr
			if protocol == "socketmap" {
				a, source = postfix.NewSocketmap(server, "users", 4), "socketmap:inet:"+s.Addr+":users"
			}
			defer a.Close()
			holdTo(t, a, keys, values)
			theirs := postmapAnswers(t, conf, source, lines)
			for _, k := range lines {
				v, there := theirs[k]
				if got := a.Lookup(t.Context(), k); there != (got.Status == table.Found) || there && !slices.Equal(got.Values, []string{v}) {
					t.Errorf("%q: %+v, and postmap says %q, %v", k, got, v, there)
				}
			}
			throughOutages(t, fmt.Sprintf(`table %q "users" {
  address      = %q%s
  ttl          = "0s"
  negative_ttl = "0s"
  timeout      = "1s"
}
`, protocol, s.Addr, more), s.Process, s.Wait)
		})
	}
}

// postsrsd's way back knows the addresses that it made, and no others.
func TestPostsrsdAsTable(t *testing.T) {
	t.Parallel()
	peer.Need(t, "postsrsd", "postmap")
	dir := peer.Dir(t)
	key := peer.Write(t, dir, "secret", "a secret\n")
	conf := peer.Dir(t)
	peer.Write(t, conf, "main.cf", "compatibility_level = 3.6\n")
	forward, reverse := peer.FreePort(t), peer.FreePort(t)
	p := peer.StartProcess(t, peer.Program{Dir: dir, End: syscall.SIGTERM, All: true, Args: []string{
		"/usr/sbin/postsrsd", "-4", "-s" + key, "-dout.test", "-l127.0.0.1", "-f" + peer.Port(forward), "-r" + peer.Port(reverse)}})
	wait := func() { peer.WaitFor(t, 15*time.Second, func() error { return peer.Accepts(reverse) }) }
	wait()
	a := postfix.NewTCP(dial.Server{Network: "tcp", Address: forward}, 1)
	defer a.Close()
	made := a.Lookup(t.Context(), "ann@far.test")
	theirs := postmapAnswers(t, conf, "tcp:"+forward, []string{"ann@far.test"})
	if made.Status != table.Found || theirs["ann@far.test"] != made.Values[0] {
		t.Fatalf("%+v, and postmap says %q", made, theirs)
	}
	local, _, _ := strings.Cut(made.Values[0], "@")
	o := startOutageOf(t, fmt.Sprintf("table \"tcp\" \"users\" {\n  address = %q\n  ttl = \"0s\"\n  negative_ttl = \"0s\"\n  timeout = \"1s\"\n}\n", reverse),
		pair{local, "SRS0=aaaa=aa=far.test=ann"})
	o.through(p, wait)
}

func TestHTTPTable(t *testing.T) {
	t.Parallel()
	keys := append(tabletest.HostileKeys(), tabletest.Raw()...)
	values := hostileValues(keys)
	dir := peer.Dir(t)
	roots, certificate := peer.Certificates(t, dir)
	otherRoots, _ := peer.Certificates(t, peer.Dir(t))
	s := peer.StartService(t, "http", values, certificate)
	at := "https://" + s.Addr
	open := func(o httptable.Options) remote.Asker {
		o.Connections = 4
		a, err := httptable.New(o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { a.Close() })
		return a
	}
	holdTo(t, open(httptable.Options{URL: at + "/box?address={key}", Roots: roots}), keys, values)
	holdTo(t, open(httptable.Options{URL: at + "/box?address={key}", Batch: at + "/boxes", Roots: roots}), keys, values)
	for name, o := range map[string]httptable.Options{
		"another authority": {URL: at + "?address={key}", Roots: otherRoots},
		"the system's":      {URL: at + "?address={key}"},
		"another name":      {URL: strings.Replace(at, "127.0.0.1", "localhost", 1) + "?address={key}", Roots: roots},
		"no TLS":            {URL: strings.Replace(at, "https", "http", 1) + "?address={key}"},
	} {
		if got := open(o).Lookup(t.Context(), "known@out.test"); got.Status != table.TryLater {
			t.Errorf("%s: %+v", name, got)
		}
	}
	o := startOutage(t, fmt.Sprintf(`table "http" "users" {
  url          = "%[1]s/box?address={key}"
  batch        = "%[1]s/boxes"
  ca           = %[2]q
  ttl          = "0s"
  negative_ttl = "0s"
  timeout      = "1s"
}
`, at, roots))
	o.becomes(250, 550)
	tableVerbs(t, o)
	o.through(s.Process, s.Wait)
}

// tableVerbs: `table get` asks as the server would, `table stats` tells how it is.
func tableVerbs(t *testing.T, o *outage) {
	t.Helper()
	for key, want := range map[string]string{"Known@out.test": "box", "nobody@out.test": "not found"} {
		out, err := exec.Command(o.server.Bin, "table", "get", "-c", o.server.Config, "users", key).CombinedOutput()
		if !strings.Contains(string(out), want) {
			t.Errorf("table get %s: %v\n%s", key, err, out)
		}
	}
	out, err := exec.Command(o.server.Bin, "table", "stats", "-c", o.server.Config, "--json").CombinedOutput()
	if err != nil || !json.Valid(out) || !strings.Contains(string(out), `"http"`) {
		t.Errorf("table stats: %v\n%s", err, out)
	}
}
