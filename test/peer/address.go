package peer

import (
	"math/rand/v2"
	"strings"
)

// Altered makes an address out of two, by chance: mostly one that no table names.
func Altered(chance *rand.Rand, a, b string) string {
	local, domain, _ := strings.Cut(a, "@")
	other, _, _ := strings.Cut(b, "@")
	switch chance.IntN(8) {
	case 0:
		return local + "x@" + domain
	case 1, 2:
		return other + "@" + domain
	case 3:
		return local + "@deep.er." + domain
	case 4:
		return local + "+more@" + domain
	case 5:
		return local + "-more@" + domain
	case 6:
		return local + "_more+x@" + domain
	}
	return a
}
