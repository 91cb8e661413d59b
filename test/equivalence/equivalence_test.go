package equivalence

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/postroad/postroad/test/peer"
)

// Envelopes a configuration, or as many as POSTROAD_EQUIVALENCE says: over all of
// them at least minimum.
const (
	envelopesEach = 210
	minimum       = 5000
	wanted        = 20 // configurations
)

func envelopes(t *testing.T) int {
	text := os.Getenv("POSTROAD_EQUIVALENCE")
	if text == "" {
		return envelopesEach
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("POSTROAD_EQUIVALENCE: %v", err)
	}
	return n
}

func TestMain(m *testing.M) {
	if path := os.Getenv(taskVariable); path != "" {
		if err := liveIn(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// Worlds wait for other programs most of the time.
	flag.Set("test.parallel", "8")
	peer.Main(m)
}

// outcome is what came out of one world.
type outcome struct {
	Envelopes int
	Arrivals  int // of Postfix's
	Equal     int
	Explained map[string]int // by reason
	Unlisted  []string
}

// Imported and run beside a real Postfix, each configuration brings the same
// messages to the same next hops, with the same envelopes and the same addresses
// in their headers, but where the import had listed why not.
func TestImportedDeliversAlike(t *testing.T) {
	peer.Need(t, "postfix", "postmap", "unshare", "ip", "mount")
	needWorlds(t)
	var archives []string
	for _, pattern := range []string{"*.txtar", "asked/*.txtar"} {
		list, err := filepath.Glob("../../internal/importer/postfix/testdata/" + pattern)
		if err != nil {
			t.Fatal(err)
		}
		archives = append(archives, list...)
	}
	if len(archives) < wanted {
		t.Fatalf("%d configurations", len(archives))
	}
	outcomes := make([]outcome, len(archives))
	peer.Binary(t)
	t.Run("configurations", func(t *testing.T) {
		for i, archive := range archives {
			t.Run(strings.TrimSuffix(filepath.Base(archive), ".txtar"), func(t *testing.T) {
				t.Parallel()
				outcomes[i] = compare(t, archive)
			})
		}
	})
	if !t.Failed() {
		tell(t, outcomes)
	}
}

// tell sums up.
func tell(t *testing.T, outcomes []outcome) {
	all := outcome{Explained: map[string]int{}}
	for _, o := range outcomes {
		all.Envelopes, all.Equal, all.Arrivals = all.Envelopes+o.Envelopes, all.Equal+o.Equal, all.Arrivals+o.Arrivals
		for reason, n := range o.Explained {
			all.Explained[reason] += n
		}
	}
	explained := 0
	var reasons []string
	for reason, n := range all.Explained {
		explained += n
		reasons = append(reasons, fmt.Sprintf("%6d  %s", n, reason))
	}
	slices.Sort(reasons)
	t.Logf("%d configurations, %d envelopes, %d arrivals: %d equal, %d explained, 0 unexplained\n%s",
		len(outcomes), all.Envelopes, all.Arrivals, all.Equal, explained, strings.Join(reasons, "\n"))
	if all.Envelopes < minimum {
		t.Errorf("%d envelopes, want at least %d", all.Envelopes, minimum)
	}
}

// compare makes a world for one configuration and waits for its outcome.
func compare(t *testing.T, archive string) outcome {
	a, err := txtar.ParseFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	dir := peer.Dir(t)
	for _, f := range a.Files {
		peer.Write(t, dir, filepath.Join("conf", f.Name), string(f.Data))
	}
	w := task{Conf: filepath.Join(dir, "conf"), Dir: dir, Postroad: peer.Binary(t), Envelopes: envelopes(t)}
	text, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	cmd := inWorld(os.Args[0])
	cmd.Env = append(os.Environ(), taskVariable+"="+peer.Write(t, dir, "task.json", string(text)))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var o outcome
	text, err = os.ReadFile(filepath.Join(dir, outcomeName))
	if err == nil {
		err = json.Unmarshal(text, &o)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range o.Unlisted {
		t.Error(u)
	}
	t.Logf("%d envelopes: %d equal, %d unexplained, %v", o.Envelopes, o.Equal, len(o.Unlisted), o.Explained)
	return o
}

// inWorld runs a program in namespaces of its own; all of its processes end with
// it.
func inWorld(program string, args ...string) *exec.Cmd {
	return exec.Command("unshare", append([]string{"--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", program}, args...)...)
}

// needWorlds skips the test where the machine lets nobody make namespaces, or
// fails it where they are required.
func needWorlds(t *testing.T) {
	out, err := inWorld("ip", "link", "set", "lo", "up").CombinedOutput()
	switch {
	case err == nil:
	case os.Getenv("POSTROAD_INTEROP") == "required":
		t.Fatalf("namespaces cannot be made, and POSTROAD_INTEROP requires it: %s", out)
	default:
		t.Skipf("namespaces cannot be made: %s", out)
	}
}
