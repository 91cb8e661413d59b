package serverlog

import (
	"log/slog"
	"slices"
	"strings"
	"testing"
)

func TestFaults(t *testing.T) {
	const misuse = "spool: a key was not written once before its deletion"
	for _, c := range []struct {
		name     string
		write    func(*slog.Logger)
		expected []string
		want     int
	}{
		{"nothing", func(l *slog.Logger) { l.Warn("slow"); l.Info("level=ERROR msg=quoted") }, nil, 0},
		{"misuse", func(l *slog.Logger) { l.Warn("slow"); l.Error(misuse, "key", "d\x00\x01") }, nil, 1},
		{"expected", func(l *slog.Logger) { l.Error("spool: background work of the database failed", "error", "x") },
			[]string{"spool: background work"}, 0},
		{"another is expected", func(l *slog.Logger) { l.Error(misuse, "error", "spool: background work") },
			[]string{"spool: background work"}, 1},
	} {
		var text, js strings.Builder
		c.write(slog.New(slog.NewTextHandler(&text, nil)))
		c.write(slog.New(slog.NewJSONHandler(&js, nil)))
		for _, log := range []string{text.String(), js.String()} {
			got, err := Faults(strings.NewReader(log), c.expected...)
			if err != nil || len(got) != c.want {
				t.Errorf("%s: %q and %v from\n%s", c.name, got, err, log)
			}
		}
	}
}

func TestFaultsOfTheRuntime(t *testing.T) {
	got, err := Faults(strings.NewReader("x\npanic: index out of range\r\n\r\ngoroutine 1 [running]:\r\n"))
	if want := []string{"panic: index out of range"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
}

// A log that is not there proves nothing.
func TestNoLog(t *testing.T) {
	if _, err := FaultsOf("testdata/none"); err == nil {
		t.Error("no log is no error")
	}
}
