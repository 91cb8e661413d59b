package decide

import (
	"slices"
	"strings"
)

// Conditions on facts of the message: before it has come they are told later.

func matchTag(tags []string) check {
	return func(v *view) tri {
		if !v.final {
			return later
		}
		return told(slices.ContainsFunc(v.in.Facts.Tags, func(t string) bool { return slices.Contains(tags, t) }))
	}
}

func matchHeader(patterns []HeaderPattern) check {
	folded := make([]HeaderPattern, len(patterns))
	for i, p := range patterns {
		folded[i] = HeaderPattern{Name: p.Name, Glob: strings.ToLower(p.Glob)}
	}
	return func(v *view) tri {
		if !v.final {
			return later
		}
		for _, f := range v.in.Facts.Header {
			for _, p := range folded {
				if strings.EqualFold(f.Name, p.Name) && glob(p.Glob, strings.ToLower(f.Value())) {
					return yes
				}
			}
		}
		return no
	}
}

// glob matches s against a pattern in which "*" is any run of octets. It goes
// back to the last star only, so that no pattern costs more than len(p)*len(s).
func glob(p, s string) bool {
	star, mark := -1, 0
	i, k := 0, 0
	for k < len(s) {
		switch {
		case i < len(p) && p[i] == '*':
			star, mark = i, k
			i++
		case i < len(p) && p[i] == s[k]:
			i++
			k++
		case star >= 0:
			mark++
			i, k = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(p[i:], "*") == ""
}

func matchSize(patterns []SizePattern) check {
	return func(v *view) tri {
		if !v.final {
			return later
		}
		for _, p := range patterns {
			if !compare(v.in.Facts.Size, p) {
				return no
			}
		}
		return yes
	}
}

func compare(size int64, p SizePattern) bool {
	switch p.Op {
	case ">":
		return size > p.Bytes
	case ">=":
		return size >= p.Bytes
	case "<":
		return size < p.Bytes
	default: // "<="
		return size <= p.Bytes
	}
}
