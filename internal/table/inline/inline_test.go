package inline

import (
	"slices"
	"testing"

	"github.com/postroad/postroad/internal/table"
)

func TestLookup(t *testing.T) {
	var content table.Resident = New([]Entry{
		{Key: "Ann@Example.com", Values: []string{"a", "b"}, Source: "postroad.hcl:3"},
		{Key: "ann@example.com", Values: []string{"second"}, Source: "postroad.hcl:4"},
		{Key: "@münchen.example", Source: "postroad.hcl:5"},
	})
	a := content.Lookup("ann@example.com")
	if a.Status != table.Found || !slices.Equal(a.Values, []string{"a", "b"}) || a.Source != "postroad.hcl:3" {
		t.Errorf("ann: %+v", a)
	}
	if a := content.Lookup("@xn--mnchen-3ya.example"); a.Status != table.Found || a.Values != nil {
		t.Errorf("U-label key: %+v", a)
	}
	if a := content.Lookup("bob@example.com"); a.Status != table.NotFound {
		t.Errorf("bob: %+v", a)
	}
	if content.Len() != 2 || content.Whole() {
		t.Errorf("Len %d, Whole %v", content.Len(), content.Whole())
	}
}
