package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/postroad/postroad/internal/decide"
)

// errUnit is the error of all quantities, with an example of the right form.
func errUnit(s, form string) error { return fmt.Errorf("%q is no %s", s, form) }

// longest bounds durations: what is longer is a slip of the pen.
const longest = 366 * 24 * time.Hour

// parseDuration reads "90s", "1h30m", "5d", "1d12h".
func parseDuration(s string) (time.Duration, error) {
	const form = `duration, as "90s", "1h30m" or "5d"`
	var days time.Duration
	rest := s
	if before, after, has := strings.Cut(s, "d"); has {
		n, err := strconv.ParseUint(before, 10, 16)
		if err != nil {
			return 0, errUnit(s, form)
		}
		days, rest = time.Duration(n)*24*time.Hour, after
		if rest == "" {
			rest = "0s"
		}
	}
	if rest == "" || rest[0] < '0' || rest[0] > '9' {
		return 0, errUnit(s, form)
	}
	d, err := time.ParseDuration(rest)
	if err != nil {
		return 0, errUnit(s, form)
	}
	if d += days; d > longest {
		return 0, fmt.Errorf("%q is longer than a year", s)
	}
	return d, nil
}

// parseSize reads "50MB" (a million octets each) and "50MiB" (2^20).
func parseSize(s string) (int64, error) {
	const form = `size with its unit, as "50MB"`
	end := 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || s[end] == '.') {
		end++
	}
	n, err := strconv.ParseFloat(s[:end], 64)
	if err != nil {
		return 0, errUnit(s, form)
	}
	unit, known := map[string]float64{
		"b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30,
	}[strings.ToLower(strings.TrimSpace(s[end:]))]
	if !known {
		return 0, errUnit(s, form)
	}
	if n*unit > math.MaxInt64/2 {
		return 0, errors.New(quote(s) + " is too large")
	}
	return int64(n * unit), nil
}

// Rate is so many messages in so much time. The zero Rate does not bound.
type Rate struct {
	Count int
	Per   time.Duration
}

// parseRate reads "5000/h".
func parseRate(s string) (Rate, error) {
	count, unit, _ := strings.Cut(s, "/")
	n, err := strconv.Atoi(strings.TrimSpace(count))
	per := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[strings.TrimSpace(unit)]
	if err != nil || n < 1 || n > 1e9 || per == 0 {
		return Rate{}, errUnit(s, `rate, as "5000/h", per s, m, h or d`)
	}
	return Rate{Count: n, Per: per}, nil
}

// parseComparison reads ">10MB".
func parseComparison(s string) (decide.SizePattern, error) {
	for _, op := range []string{">=", "<=", ">", "<"} {
		if after, has := strings.CutPrefix(s, op); has {
			n, err := parseSize(strings.TrimSpace(after))
			return decide.SizePattern{Op: op, Bytes: n}, err
		}
	}
	return decide.SizePattern{}, errUnit(s, `comparison with a size, as ">10MB" or "<=1MB"`)
}
