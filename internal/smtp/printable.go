package smtp

import "unicode/utf8"

// printable tells whether b is UTF-8 without control characters. Most lines are
// ASCII and end in the first loop.
func printable(b []byte) bool {
	for i, c := range b {
		if c >= utf8.RuneSelf {
			return printableUTF8(b[i:])
		}
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return true
}

func printableUTF8(b []byte) bool {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		// C1 controls can end a line for a terminal that shows the log.
		if r == utf8.RuneError && n == 1 || r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 {
			return false
		}
		b = b[n:]
	}
	return true
}
