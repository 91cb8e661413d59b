package file

import (
	"maps"
	"strings"
	"testing"

	"github.com/postroad/postroad/internal/table"
)

func TestEachListsEveryEntry(t *testing.T) {
	content, err := Parse("map", "m", strings.NewReader("a 1\nb 2, 3\nC 4\n"))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	lister := content.(interface {
		Each(func(string, table.Answer) bool)
	})
	lister.Each(func(key string, a table.Answer) bool {
		got[key] = strings.Join(a.Values, "+") + " " + a.Source
		return true
	})
	want := map[string]string{"a": "1 m:1", "b": "2+3 m:2", "c": "4 m:3"}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	n := 0
	lister.Each(func(string, table.Answer) bool { n++; return false })
	if n != 1 {
		t.Errorf("it went on for %d entries after false", n)
	}
}
