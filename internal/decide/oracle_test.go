package decide

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// oracleCases is how many cases the oracle has at least.
const oracleCases = 110

// TestOracle holds decisions against cases written by hand from the RFCs and
// Postfix's manual pages. Each names its source. -rewrite does not touch them:
// what the program says is no reason to change what the book says.
func TestOracle(t *testing.T) {
	cited := regexp.MustCompile(`RFC \d+ s[\d.]+|[a-z_]+\((5|8)\)|SRS draft s\d|postconf\(5\)|docs/(configuration|migration)\.md`)
	files, _ := filepath.Glob("testdata/oracle/*.txt")
	total := 0
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) {
			for _, comment := range runFile(t, f, false) {
				total++
				if !cited.MatchString(comment) {
					t.Errorf("a case of %s cites nothing: %q", f, comment)
				}
			}
		})
	}
	if total < oracleCases {
		t.Errorf("%d cases, want %d", total, oracleCases)
	}
}
