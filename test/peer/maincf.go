package peer

import "strings"

// oneEach is the text of a main.cf with each setting once: of several the last
// stays, as with Postfix. Postfix warns of the others when a program starts;
// postlogd warns into its own socket, and waits for itself for ever when that
// is full, with all of Postfix behind it.
func oneEach(main string) string {
	var names, kept []string
	last := map[string]int{}
	for _, s := range settings(main) {
		name, _, _ := strings.Cut(s, "=")
		name = strings.TrimSpace(name)
		last[name] = len(names)
		names, kept = append(names, name), append(kept, s)
	}
	var b strings.Builder
	for i, s := range kept {
		if last[names[i]] == i {
			b.WriteString(s + "\n")
		}
	}
	return b.String()
}

// settings are the logical lines of a main.cf: a line that begins with a space
// goes on with the one before it, comments and empty lines aside.
func settings(main string) []string {
	var out []string
	for line := range strings.Lines(main) {
		line = strings.TrimRight(line, "\r\n")
		bare := strings.TrimSpace(line)
		switch {
		case bare == "" || bare[0] == '#':
		case len(out) > 0 && (line[0] == ' ' || line[0] == '\t'):
			out[len(out)-1] += "\n" + line
		default:
			out = append(out, line)
		}
	}
	return out
}
