package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// needed is a file or a variable that the configuration names.
type needed struct {
	what string // "certificate of listener.public"
	path string
	env  string
	at   Range
}

func (l *loader) needFile(b *block, attribute string, f filePath) {
	if f.path == "" {
		return
	}
	l.config.needed = append(l.config.needed, needed{what: attribute + " of " + b.ref(), path: f.path, at: rangeOf(b.place(attribute))})
}

func (l *loader) needSecret(b *block, attribute string, s *Secret) {
	if s == nil || s.Text != "" {
		return
	}
	l.config.needed = append(l.config.needed, needed{what: attribute + " of " + b.ref(), path: s.File, env: s.Env, at: rangeOf(b.place(attribute))})
}

// Missing gives a warning for each file and each secret that the configuration
// names and that is not there now. Load does not ask, so that a configuration can
// be judged where they are not.
func (c *Config) Missing() Diagnostics {
	var out Diagnostics
	for _, n := range c.needed {
		why := n.missing()
		if why != "" {
			out = append(out, Diagnostic{Severity: Warning, Range: n.at, Summary: fmt.Sprintf("%s: %s", n.what, why)})
		}
	}
	return out.Sort()
}

func (n needed) missing() string {
	if n.env != "" {
		if os.Getenv(n.env) == "" {
			return fmt.Sprintf("the environment has no %s", n.env)
		}
		return ""
	}
	if _, err := os.Stat(n.path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Sprintf("there is no file %s", n.path)
	} else if err != nil {
		return fmt.Sprintf("%s: %v", n.path, plain(err))
	}
	return ""
}

// ErrSecret is the error of a secret that is not there.
var ErrSecret = errors.New("secret not there")

// maxSecret bounds the file of a secret.
const maxSecret = 64 << 10

// Read gives the secret; the line end of a file is no part of it. nil is a secret
// that is not there. The error wraps ErrSecret and never holds what was read.
func (s *Secret) Read() (string, error) {
	if s == nil {
		return "", ErrSecret
	}
	if s.Text != "" {
		return s.Text, nil
	}
	if s.Env != "" {
		if v := os.Getenv(s.Env); v != "" {
			return v, nil
		}
		return "", fmt.Errorf("%w: the environment has no %s", ErrSecret, s.Env)
	}
	info, err := os.Stat(s.File)
	if err == nil && (!info.Mode().IsRegular() || info.Size() > maxSecret) {
		err = errors.New("not a small plain file")
	}
	var b []byte
	if err == nil {
		b, err = os.ReadFile(s.File)
	}
	if err != nil {
		return "", fmt.Errorf("%w: %s: %w", ErrSecret, s.File, plain(err))
	}
	v := strings.TrimRight(string(b), "\r\n")
	if v == "" {
		return "", fmt.Errorf("%w: %s is empty", ErrSecret, s.File)
	}
	return v, nil
}
