package srs

import "strings"

// slots is how many days a stamp of two letters can tell apart.
const slots = 1024

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

// stampOf writes a day as two letters of base32.
func stampOf(day int) string {
	return string([]byte{letters[day>>5&31], letters[day&31]})
}

// isFresh tells whether a stamp is of today or one of the MaxAge days before. One of
// tomorrow counts as nearly three years old, as it does with the others.
func isFresh(stamp string, day int) bool {
	if len(stamp) != 2 {
		return false
	}
	then := 0
	for _, c := range []byte(strings.ToUpper(stamp)) {
		i := strings.IndexByte(letters, c)
		if i < 0 {
			return false
		}
		then = then<<5 | i
	}
	return (day-then%slots+slots)%slots <= MaxAge
}
