package postfix

import "strings"

// parseAliases reads aliases(5): "name: value, value".
func parseAliases(text string) []Entry {
	var out []Entry
	for _, l := range logicalLines(text) {
		name, value, ok := cutAlias(l.text)
		if ok && name != "" && value != "" {
			out = append(out, Entry{Key: name, Value: value, Line: l.number})
		}
	}
	return out
}

// cutAlias splits at the first colon outside quotes.
func cutAlias(line string) (name, value string, ok bool) {
	i := indexUnquoted(line, ":")
	if i < 0 {
		return "", "", false
	}
	return strings.Trim(strings.TrimSpace(line[:i]), `"`), strings.TrimSpace(line[i+1:]), true
}

// targets splits a value at commas and white space outside quotes, without the
// quotes around a whole target.
func targets(value string) []string {
	var out []string
	for value != "" {
		t, rest := value, ""
		if i := indexUnquoted(value, ", \t"); i >= 0 {
			t, rest = value[:i], value[i+1:]
		}
		t = strings.TrimSpace(t)
		if len(t) > 1 && t[0] == '"' && t[len(t)-1] == '"' {
			t = t[1 : len(t)-1]
		}
		if t != "" {
			out = append(out, t)
		}
		value = rest
	}
	return out
}

// targetKind says what a target of aliases(5) is.
type targetKind uint8

const (
	targetAddress targetKind = iota
	targetCommand
	targetFile
	targetInclude
)

func kindOf(target string) targetKind {
	switch {
	case strings.HasPrefix(target, "|"):
		return targetCommand
	case strings.HasPrefix(target, "/"):
		return targetFile
	case strings.HasPrefix(strings.ToLower(target), ":include:"):
		return targetInclude
	}
	return targetAddress
}

// maxInclude bounds files that include files.
const maxInclude = 8

// AliasTargets gives the addresses behind a value of aliases(5), included files
// opened. What is no address is in the second answer.
func (in *Installation) AliasTargets(value string) (addresses, others []string) {
	return in.aliasTargets(value, 0)
}

func (in *Installation) aliasTargets(value string, depth int) (addresses, others []string) {
	for _, t := range targets(value) {
		switch kindOf(t) {
		case targetAddress:
			addresses = append(addresses, t)
		case targetInclude:
			text, err := readText(in.locate(t[len(":include:"):]))
			if err != nil || depth >= maxInclude {
				others = append(others, t)
				continue
			}
			for _, l := range logicalLines(text) {
				more, rest := in.aliasTargets(l.text, depth+1)
				addresses, others = append(addresses, more...), append(others, rest...)
			}
		default:
			others = append(others, t)
		}
	}
	return addresses, others
}
