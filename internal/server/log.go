package server

import (
	"io"
	"log/slog"

	"github.com/postroad/postroad/internal/config"
)

// newLog gives a log as the log block wants it, whose level may change. Both
// formats quote what is not printable, so that a client cannot write lines of
// its own into the log.
func newLog(out io.Writer, c config.Log) (*slog.Logger, *slog.LevelVar) {
	level := new(slog.LevelVar)
	level.Set(levelOf(c))
	opts := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(out, opts)), level
	}
	return slog.New(slog.NewTextHandler(out, opts)), level
}

func levelOf(c config.Log) slog.Level {
	switch c.Level {
	case "debug":
		return slog.LevelDebug
	case "warn":
		return slog.LevelWarn
	case "error":
		return slog.LevelError
	}
	return slog.LevelInfo
}
