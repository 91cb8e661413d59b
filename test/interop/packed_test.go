package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/postroad/postroad/internal/table"
	"github.com/postroad/postroad/internal/table/file"
	"github.com/postroad/postroad/internal/table/tabletest"
	"github.com/postroad/postroad/test/peer"
)

// Every other hostile key is in the file that postmap makes, with enough others to
// make a tree of several levels; each finds its own value or nothing.
func TestFilesOfPostmap(t *testing.T) {
	t.Parallel()
	peer.Need(t, "postmap")
	dir := peer.Dir(t)
	peer.Write(t, dir, "main.cf", "compatibility_level = 3.6\n")
	// postmap's text cannot have these: comments, and keys with spaces or quotes.
	keys := slices.DeleteFunc(tabletest.HostileKeys(), func(k string) bool {
		return strings.HasPrefix(k, "#") || strings.ContainsAny(k, " \t\"\\") || len(k) > 500
	})
	if len(keys) < 200 {
		t.Fatalf("%d keys", len(keys))
	}
	var text strings.Builder
	for i := 0; i < len(keys); i += 2 {
		fmt.Fprintf(&text, "%s %d\n", keys[i], i)
	}
	for i := range 20_000 {
		fmt.Fprintf(&text, "user%d@example.com box%d\n", i, i)
	}
	fmt.Fprintf(&text, "long@example.com %s\n", strings.Repeat("x", 9000))
	src := peer.Write(t, dir, "users", text.String())
	for _, format := range []string{"cdb", "lmdb"} {
		// Not folded: postmap folds as ICU does, ß to ss.
		peer.Run(t, "postmap", "-f", "-c", dir, format+":"+src)
		f, err := os.Open(filepath.Join(dir, "users."+format))
		if err != nil {
			t.Fatal(err)
		}
		content, err := file.Parse(format, "users", f)
		f.Close()
		if err != nil {
			t.Fatal(format, err)
		}
		asked := postmapAnswers(t, dir, format+":"+src, keys)
		for i, k := range keys {
			got := content.Lookup(table.Key(k))
			if v, there := asked[k]; there != (got.Status == table.Found) || there && !slices.Equal(got.Values, []string{v}) {
				t.Errorf("%s: %q: %+v, and postmap says %q, %v", format, k, got, v, there)
			}
			switch {
			case i%2 == 0 && (got.Status != table.Found || !slices.Equal(got.Values, []string{fmt.Sprint(i)})):
				t.Errorf("%s: %q: %+v, want %d", format, k, got, i)
			case i%2 != 0 && got.Status != table.NotFound:
				t.Errorf("%s: %q: %+v, want not found", format, k, got)
			}
		}
		if got := content.Lookup("user19999@example.com"); len(got.Values) != 1 || got.Values[0] != "box19999" {
			t.Errorf("%s: %+v", format, got)
		}
		if got := content.Lookup("long@example.com"); len(got.Values) != 1 || len(got.Values[0]) != 9000 {
			t.Errorf("%s: a long value: %+v", format, got.Status)
		}
		if want := 20_001 + (len(keys)+1)/2; content.Len() != want {
			t.Errorf("%s: %d entries, want %d", format, content.Len(), want)
		}
	}
}
