package console_test

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/postroad/postroad/internal/console"
)

type state struct{ health, ready error }

func (s *state) Health() error { return s.health }
func (s *state) Ready() error  { return s.ready }

func start(t *testing.T, s *state) *console.Console {
	t.Helper()
	reg := prometheus.NewRegistry()
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: "postroad_test_total", Help: "A test."})
	reg.MustRegister(c)
	c.Inc()
	con := console.New(console.Handler(reg, s), net.Listen, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { con.Close(t.Context()) })
	if err := con.Bind([]string{"127.0.0.1:0"}); err != nil {
		t.Fatal(err)
	}
	return con
}

func get(t *testing.T, c *console.Console, path string) (int, string) {
	t.Helper()
	resp, err := http.Get("http://" + c.Addrs()[0].String() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestAnswers(t *testing.T) {
	s := &state{}
	c := start(t, s)
	cases := []struct {
		name, path    string
		health, ready error
		code          int
		body          string
	}{
		{"metrics", "/metrics", nil, nil, 200, "postroad_test_total 1"},
		{"healthy", "/healthz", nil, nil, 200, "ok"},
		{"disk full", "/healthz", errors.New("spool: no space left"), nil, 503, "no space left"},
		{"ready", "/readyz", nil, nil, 200, "ok"},
		{"draining", "/readyz", nil, errors.New("draining"), 503, "draining"},
		{"unknown", "/", nil, nil, 404, ""},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			s.health, s.ready = tc.health, tc.ready
			code, body := get(t, c, tc.path)
			if code != tc.code || !strings.Contains(body, tc.body) {
				t.Errorf("%s: %d %q, want %d %q", tc.path, code, body, tc.code, tc.body)
			}
		})
	}
}

func TestBindChangesTheAddresses(t *testing.T) {
	c := start(t, &state{})
	before := c.Addrs()[0].String()
	if err := c.Bind([]string{"127.0.0.1:0", "256.0.0.1:1"}); err == nil {
		t.Fatal("an address that cannot be opened was taken")
	}
	if got := c.Addrs()[0].String(); got != before {
		t.Errorf("after a failed Bind it listens on %s, before on %s", got, before)
	}
	if err := c.Bind(nil); err != nil {
		t.Fatal(err)
	}
	if conn, err := net.Dial("tcp", before); err == nil {
		conn.Close()
		t.Error("it still listens on an address that was taken away")
	}
}
