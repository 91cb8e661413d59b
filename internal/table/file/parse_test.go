package file

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/postroad/postroad/internal/table"
)

var rewrite = flag.Bool("rewrite", false, "write the expected results anew")

// formats are the names of all formats.
func formats() []string {
	return []string{"list", "map", "virtual", "transport", "cidr", "regexp", "csv", "cdb", "lmdb"}
}

// TestFormats reads the cases in testdata. A case is an archive: the comment is
// the format; "table" the file, in which \r, \0 and \xNN stand for those octets;
// "ask" keys, one a line; "want" an answer to each key, or the problems.
func TestFormats(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) < 10 {
		t.Fatalf("%d cases, %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			part := func(name string) []byte {
				for _, f := range a.Files {
					if f.Name == name {
						return f.Data
					}
				}
				return nil
			}
			got := answers(strings.TrimSpace(string(a.Comment)), octets(part("table")), string(part("ask")))
			if *rewrite {
				a.Files = slices.DeleteFunc(a.Files, func(f txtar.File) bool { return f.Name == "want" })
				a.Files = append(a.Files, txtar.File{Name: "want", Data: []byte(got)})
				if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want := string(part("want")); got != want {
				t.Errorf("--- got\n%s--- want\n%s", got, want)
			}
		})
	}
}

func octets(src []byte) []byte {
	src = bytes.ReplaceAll(src, []byte(`\r`), []byte("\r"))
	src = bytes.ReplaceAll(src, []byte(`\0`), []byte{0})
	src = bytes.ReplaceAll(src, []byte(`\xff`), []byte{0xff})
	return bytes.ReplaceAll(src, []byte(`\xef\xbb\xbf`), []byte("\xef\xbb\xbf"))
}

func answers(format string, src []byte, ask string) string {
	content, err := Parse(format, "t", bytes.NewReader(src))
	if err != nil {
		return err.Error() + "\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d entries, whole %v\n", content.Len(), content.Whole())
	for _, key := range strings.Split(strings.TrimSuffix(ask, "\n"), "\n") {
		a := content.Lookup(key)
		if a.Status != table.Found {
			fmt.Fprintf(&b, "%s: not found\n", key)
			continue
		}
		fmt.Fprintf(&b, "%s: %q at %s\n", key, a.Values, a.Source)
	}
	return b.String()
}

func TestUnknownFormat(t *testing.T) {
	if _, err := Parse("hash", "t", strings.NewReader("")); !errors.Is(err, ErrFormat) {
		t.Errorf("%v", err)
	}
	for _, f := range formats() {
		packed := f == "cdb" || f == "lmdb" // of which no empty file is one
		if _, err := Parse(f, "t", strings.NewReader("")); (err != nil) != packed {
			t.Errorf("%s: %v", f, err)
		}
	}
}

// TestReadError: what the disk says is neither an empty table nor a problem of
// the file's text.
func TestReadError(t *testing.T) {
	broken := errors.New("disk on fire")
	for _, f := range formats() {
		_, err := Parse(f, "t", iotest.ErrReader(broken))
		if !errors.Is(err, broken) {
			t.Errorf("%s: %v", f, err)
		}
	}
}

// TestManyProblems: a file of another kind is not told line by line.
func TestManyProblems(t *testing.T) {
	_, err := Parse("virtual", "t", strings.NewReader(strings.Repeat("nonsense\n", 1000)))
	p := new(Problems)
	if !errors.As(err, &p) || len(p.List) != maxProblems || p.More != 1000-maxProblems {
		t.Fatalf("%v", err)
	}
	if !strings.HasSuffix(err.Error(), "t: and 980 more") {
		t.Errorf("%q", err.Error())
	}
}

func TestLineTooLong(t *testing.T) {
	for _, f := range []string{"list", "map"} {
		_, err := Parse(f, "t", strings.NewReader(strings.Repeat("a", maxLine+1)))
		if p := new(Problems); !errors.As(err, &p) || len(p.List) != 1 {
			t.Errorf("%s: %v", f, err)
		}
	}
	_, err := Parse("map", "t", strings.NewReader("key value"+strings.Repeat("\n  "+strings.Repeat("a", 1<<16), 129)))
	if p := new(Problems); !errors.As(err, &p) {
		t.Errorf("continued: %v", err)
	}
}

// TestCompactAgainstMap holds the compact map against Go's own.
func TestCompactAgainstMap(t *testing.T) {
	var src bytes.Buffer
	want := map[string]string{}
	for i := range 50_000 {
		key, value := fmt.Sprintf("user%d@example.com", i), strings.Repeat("v", i%700)+"@x.example"
		want[key] = value
		fmt.Fprintf(&src, "%s %s\n", key, value)
	}
	content, err := Parse("map", "t", &src)
	if err != nil {
		t.Fatal(err)
	}
	if content.Len() != len(want) {
		t.Errorf("%d entries", content.Len())
	}
	for key, value := range want {
		if a := content.Lookup(key); len(a.Values) != 1 || a.Values[0] != value {
			t.Fatalf("%s: %+v", key, a)
		}
		if a := content.Lookup(key + "x"); a.Status != table.NotFound {
			t.Fatalf("%sx: %+v", key, a)
		}
	}
}

// TestLookupAllocates at most the slice of values.
func TestLookupAllocates(t *testing.T) {
	content := aliases(t, 1000)
	for key, want := range map[string]float64{"user7@example.com": 1, "nobody@example.com": 0} {
		if got := testing.AllocsPerRun(100, func() { content.Lookup(key) }); got > want {
			t.Errorf("%s: %v allocations", key, got)
		}
	}
}

func aliases(t testing.TB, n int) table.Resident {
	t.Helper()
	content, err := Parse("virtual", "aliases", bytes.NewReader(aliasFile(n)))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func aliasFile(n int) []byte {
	var src bytes.Buffer
	for i := range n {
		fmt.Fprintf(&src, "user%d@example.com  box%d@store.example.com\n", i, i)
	}
	return src.Bytes()
}

func BenchmarkParseMillion(b *testing.B) {
	src := aliasFile(1_000_000)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("virtual", "aliases", bytes.NewReader(src)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	content := aliases(b, 100_000)
	keys := make([]string, 1024)
	for i := range keys {
		keys[i] = fmt.Sprintf("user%d@example.com", i*97)
	}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		content.Lookup(keys[i&1023])
		i++
	}
}

func BenchmarkLookupNetworks(b *testing.B) {
	var src bytes.Buffer
	for i := range 100_000 {
		fmt.Fprintf(&src, "10.%d.%d.%d ok\n", i>>16, i>>8&255, i&255)
	}
	content, err := Parse("cidr", "t", &src)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		content.Lookup("10.1.2.3")
	}
}

// FuzzParse: no file brings a parser down, and what it took can be asked.
func FuzzParse(f *testing.F) {
	paths, _ := filepath.Glob("testdata/*.txtar")
	for _, path := range paths {
		a, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint(slices.Index(formats(), strings.TrimSpace(string(a.Comment)))), octets(a.Files[0].Data), "ann@example.com")
	}
	for _, name := range []string{"small.cdb", "small.lmdb"} {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint(slices.Index(formats(), name[len("small."):])), b, "ann@example.com")
	}
	f.Fuzz(func(t *testing.T, n uint, src []byte, key string) {
		format := formats()[n%uint(len(formats()))]
		content, err := Parse(format, "t", bytes.NewReader(src))
		if err != nil {
			if p := new(Problems); !errors.As(err, &p) {
				t.Errorf("%s: %v", format, err)
			}
			return
		}
		if a := content.Lookup(key); a.Status == table.TryLater || a.Status == table.Found && a.Source == "" {
			t.Errorf("%s: %+v", format, a)
		}
	})
}
