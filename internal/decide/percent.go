package decide

// matchPercent holds for a share of the recipients: those whose hash with the
// rule's name lies below it. The hash is the same for ever, so that a greater
// share only adds recipients and a message meets the same rule at each retry.
func matchPercent(rule string, percent float64) check {
	seed := fnv(fnvOffset, rule)
	return func(v *view) tri { return told(share(fnv(seed, v.recipient.key)) < percent) }
}

const (
	fnvOffset uint64 = 14695981039346656037
	fnvPrime  uint64 = 1099511628211
)

// fnv goes on with FNV-1a over s and a closing zero octet.
func fnv(h uint64, s string) uint64 {
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * fnvPrime
	}
	return h * fnvPrime
}

// share spreads a hash evenly over 0 <= x < 100. FNV alone leaves the upper bits
// of short strings alike; the finisher of SplitMix64 mixes them.
func share(h uint64) float64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	h ^= h >> 31
	return float64(h>>11) / (1 << 53) * 100
}
