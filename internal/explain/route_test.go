package explain_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/postroad/postroad/internal/explain"
	"github.com/postroad/postroad/internal/server"
)

func TestRoute(t *testing.T) {
	archives(t, "testdata/route/*.txtar", func(t *testing.T, a *archive) {
		src, err := server.OpenOffline(t.Context(), a.dir).Source()
		if err != nil {
			t.Fatal(err)
		}
		var q explain.Query
		if err := json.Unmarshal(a.file("query").Data, &q); err != nil {
			t.Fatal(err)
		}
		result, err := explain.Route(t.Context(), src, q)
		if err != nil {
			t.Fatal(err)
		}
		result.Generation = "GENERATION"
		var tree bytes.Buffer
		if err := result.Tree(&tree, explain.Palette{}); err != nil {
			t.Fatal(err)
		}
		a.want(t, "want.tree", tree.Bytes())
		var js bytes.Buffer
		e := json.NewEncoder(&js)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		if err := e.Encode(result); err != nil {
			t.Fatal(err)
		}
		if a.file("want.json") != nil {
			a.want(t, "want.json", js.Bytes())
		}
	})
}
