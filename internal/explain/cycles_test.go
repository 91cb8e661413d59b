package explain_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/postroad/postroad/internal/explain"
	"github.com/postroad/postroad/internal/server"
)

// aliasing is random aliases of a domain: for each name those to which it leads.
type aliasing map[string][]string

const aliasingHouse = `hostname = "mx.test"
data     = "/nonexistent"
listener "public" {
  bind = ["127.0.0.1:0"]
}
transport "lmtp" "store" {
  to = ["127.0.0.1:24"]
}
domain "ours.test" {
  mailboxes = []
  aliases   = table.aliases
  deliver   = transport.store
}
domain "name.test" {
  alias_of = "ours.test"
}
table "file" "aliases" {
  path   = "aliases"
  format = "virtual"
}
`

func randomAliases(rng *rand.Rand) aliasing {
	a, n := aliasing{}, 2+rng.IntN(8)
	for range 1 + rng.IntN(2*n) {
		from, to := string(rune('a'+rng.IntN(n))), string(rune('a'+rng.IntN(n)))
		a[from] = append(a[from], to)
	}
	return a
}

// write puts the aliases into a file, some of them under the domain's other name.
func (a aliasing) write(t *testing.T, rng *rand.Rand, folder string) {
	var b strings.Builder
	for _, from := range slices.Sorted(maps.Keys(a)) {
		fmt.Fprintf(&b, "%s@ours.test", from)
		for i, to := range a[from] {
			fmt.Fprintf(&b, "%s %s@%s", []string{"", ","}[min(i, 1)], to, []string{"ours.test", "name.test"}[rng.IntN(2)])
		}
		b.WriteByte('\n')
	}
	if err := os.WriteFile(filepath.Join(folder, "aliases"), []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// leads tells who is reached from a name over others; naming oneself is no step.
func (a aliasing) leads(from string) map[string]bool {
	met, todo := map[string]bool{}, []string{from}
	for len(todo) > 0 {
		p := todo[0]
		todo = todo[1:]
		for _, to := range a[p] {
			if to != p && !met[to] {
				met[to] = true
				todo = append(todo, to)
			}
		}
	}
	return met
}

// round gives the names that are in circles with a name, sorted; none when it is in
// none.
func (a aliasing) round(name string) []string {
	var out []string
	for to := range a.leads(name) {
		if a.leads(to)[name] {
			out = append(out, to)
		}
	}
	slices.Sort(out)
	return out
}

// check gives the findings on alias cycles.
func cyclesIn(t *testing.T, folder string) []string {
	t.Helper()
	report := explain.Check(server.OpenOffline(t.Context(), folder).Subject())
	if !report.OK() {
		t.Fatal(report.Errors)
	}
	var out []string
	for _, f := range report.Warnings {
		if f.Summary == "alias cycle" {
			out = append(out, f.Detail)
		}
	}
	return out
}

// TestCyclesProperty holds check against what a plain search in the aliases finds:
// one finding for all that lead to each other, with all their names and steps; and
// when the steps told are mended, there is nothing left to find.
func TestCyclesProperty(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "postroad.hcl"), []byte(aliasingHouse), 0o600); err != nil {
		t.Fatal(err)
	}
	circles := 0
	for seed := range uint64(250) {
		rng := rand.New(rand.NewPCG(seed, 2))
		a := randomAliases(rng)
		a.write(t, rng, folder)
		found := cyclesIn(t, folder)
		circles += len(found)
		before, want := a.clone(), map[string]bool{}
		for name := range a {
			if all := a.round(name); len(all) > 0 {
				want[strings.Join(all, " ")] = true
			}
		}
		for _, detail := range found {
			names := named(detail)
			if !want[names] {
				t.Errorf("seed %d, %v: told %q, who lead to each other: %v", seed, a, detail, want)
			}
			delete(want, names)
			before.hold(t, detail)
			a.mend(detail)
		}
		if len(want) > 0 {
			t.Errorf("seed %d, %v: not told: %v", seed, a, want)
		}
		a.write(t, rng, folder)
		if found := cyclesIn(t, folder); len(found) > 0 {
			t.Errorf("seed %d: mended, and there is still %v", seed, found)
		}
	}
	if circles < 100 {
		t.Errorf("%d circles are too few to prove anything", circles)
	}
}

func addressesIn(text string) []string { return regexp.MustCompile(`\b[a-z]@`).FindAllString(text, -1) }

// named gives the names in a finding, sorted.
func named(detail string) string {
	all := addressesIn(detail)
	slices.Sort(all)
	return strings.ReplaceAll(strings.Join(slices.Compact(all), " "), "@", "")
}

// steps gives those that a finding tells.
func steps(detail string, each func(from, to string)) {
	for line := range strings.Lines(detail) {
		if !strings.Contains(line, "->") {
			continue
		}
		way := addressesIn(line)
		for i := range way[1:] {
			each(way[i][:1], way[i+1][:1])
		}
	}
}

// hold complains about steps that are told and are none.
func (a aliasing) hold(t *testing.T, detail string) {
	steps(detail, func(from, to string) {
		if !slices.Contains(a[from], to) {
			t.Errorf("%q: %s does not lead to %s", detail, from, to)
		}
	})
}

// mend takes out all steps that a finding tells.
func (a aliasing) mend(detail string) {
	steps(detail, func(from, to string) {
		a[from] = slices.DeleteFunc(a[from], func(s string) bool { return s == to })
		if len(a[from]) == 0 {
			a[from] = []string{"nobody"}
		}
	})
}

func (a aliasing) clone() aliasing {
	out := aliasing{}
	for from, all := range a {
		out[from] = slices.Clone(all)
	}
	return out
}
