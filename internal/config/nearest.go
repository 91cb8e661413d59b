package config

import (
	"slices"

	"github.com/agext/levenshtein"
)

// nearest gives the candidate that name was probably meant to be, or "".
// Candidates of equal distance are taken in alphabetical order.
func nearest(name string, candidates []string) string {
	limit := min(3, len(name)/3+1)
	best, distance := "", limit+1
	sorted := slices.Sorted(slices.Values(candidates))
	for _, c := range sorted {
		if len(c)-len(name) > limit || len(name)-len(c) > limit {
			continue
		}
		if d := levenshtein.Distance(name, c, nil); d < distance {
			best, distance = c, d
		}
	}
	return best
}

// didYouMean gives the hint for an unknown name, or "". show turns the candidate
// into what the user would write.
func didYouMean(name string, candidates []string, show func(string) string) string {
	c := nearest(name, candidates)
	if c == "" {
		return ""
	}
	return "did you mean " + show(c) + "?"
}

func quote(s string) string { return `"` + s + `"` }

func bare(s string) string { return s }
