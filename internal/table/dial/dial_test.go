package dial

import (
	"errors"
	"testing"
)

func TestParse(t *testing.T) {
	schemes := []Scheme{{Name: "x", Port: "1"}, {Name: "xs", Port: "2", TLS: true}, {Name: "xi", Socket: true}}
	for raw, want := range map[string]Server{
		"x://host":             {Network: "tcp", Address: "host:1", Name: "host"},
		"xs://host":            {Network: "tcp", Address: "host:2", Name: "host", TLS: true},
		"xs://[::1]:3/path":    {Network: "tcp", Address: "[::1]:3", Name: "::1", TLS: true},
		"xi:///run/x":          {Network: "unix", Address: "/run/x"},
		"x://127.0.0.1:9?a=b#": {Network: "tcp", Address: "127.0.0.1:9", Name: "127.0.0.1"},
	} {
		if got, _, err := Parse(raw, schemes...); err != nil || got != want {
			t.Errorf("%s: %+v, %v", raw, got, err)
		}
	}
	for raw, want := range map[string]error{
		"y://host": ErrScheme, "host:1": ErrScheme, "": ErrScheme, "x://": ErrNoServer, "x:///path": ErrNoServer,
		"xi://": ErrNoServer, "xi://run/x": ErrNoServer, "x://ann:secret@host": ErrUser, "x://ann@host": ErrUser,
	} {
		if _, _, err := Parse(raw, schemes...); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", raw, err, want)
		}
	}
}

func TestParseAddress(t *testing.T) {
	for s, want := range map[string]Server{
		"unix:/run/x": {Network: "unix", Address: "/run/x"},
		"host:12":     {Network: "tcp", Address: "host:12", Name: "host"},
		"[::1]:smtp":  {Network: "tcp", Address: "[::1]:smtp", Name: "::1"},
	} {
		if got, err := ParseAddress(s); err != nil || got != want {
			t.Errorf("%s: %+v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "host", ":12", "host:", "run/x", "/run/x", "unix:x", "::1:2"} {
		if got, err := ParseAddress(s); !errors.Is(err, ErrAddress) {
			t.Errorf("%s: %+v, %v", s, got, err)
		}
	}
}

func TestRootsThatAreNotThere(t *testing.T) {
	s := Server{Network: "tcp", Address: "127.0.0.1:1", TLS: true, Roots: t.TempDir() + "/ca.pem"}
	if _, err := s.Dial(t.Context()); err == nil {
		t.Error("it connected")
	}
}
