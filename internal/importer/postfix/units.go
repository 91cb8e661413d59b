package postfix

import (
	"strconv"
	"strings"
)

// duration turns a time of main.cf into one of postroad's. unit is the one that
// counts where none is written.
func duration(s, unit string) (string, bool) {
	s = strings.TrimSpace(s)
	if s == "" {
		return "", false
	}
	if last := s[len(s)-1:]; !isDigits(last) {
		unit, s = strings.ToLower(last), s[:len(s)-1]
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > 1e6 {
		return "", false
	}
	switch unit {
	case "w":
		return strconv.Itoa(7*n) + "d", true
	case "s", "m", "h", "d":
		return strconv.Itoa(n) + unit, true
	}
	return "", false
}

// seconds is a time of main.cf in seconds.
func seconds(s string) (int, bool) {
	d, ok := duration(s, "s")
	if !ok {
		return 0, false
	}
	n, _ := strconv.Atoi(d[:len(d)-1])
	return n * map[string]int{"s": 1, "m": 60, "h": 3600, "d": 86400}[d[len(d)-1:]], true
}
