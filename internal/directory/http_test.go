package directory

import (
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/table/tabletest"
)

// answering is a service that answers as f says, and its directory.
func answering(t *testing.T, f func(w http.ResponseWriter, q question)) *config.Directory {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q question
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %v: %v", r.Method, r.Header, err)
		}
		if got := r.Header.Get("Authorization"); got != "Bearer s3cret" {
			t.Errorf("authorization: %q", got)
		}
		f(w, q)
	}))
	t.Cleanup(s.Close)
	return &config.Directory{Name: "staff", Kind: "http", Connections: 4, Timeout: time.Second,
		HTTP: &config.HTTPLogin{URL: s.URL + "/login", Secret: &config.Secret{Text: "s3cret"}}}
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	stall := make(chan struct{})
	dir := answering(t, func(w http.ResponseWriter, q question) {
		if q.Client != "192.0.2.1" {
			t.Errorf("client %q", q.Client)
		}
		switch {
		case q.Name == "down":
			w.WriteHeader(http.StatusServiceUnavailable)
		case q.Name == "moved":
			http.Redirect(w, &http.Request{Method: http.MethodPost}, "/login?ok", http.StatusTemporaryRedirect)
		case q.Name == "forbidden":
			w.WriteHeader(http.StatusForbidden)
		case q.Name == "stalled":
			<-stall
		case q.Password != "password":
			w.WriteHeader(http.StatusUnauthorized)
		case q.Name == "Ann":
			_, _ = w.Write([]byte(`{"name": "ann"}`))
		case q.Name == "odd":
			_, _ = w.Write([]byte(`{"name": "a\nb"}`))
		case q.Name == "text":
			_, _ = w.Write([]byte(`welcome`))
		}
	})
	defer close(stall)
	a := ask(t, dir)
	a.expect("bob", "password", "staff/bob")
	a.expect("Ann", "password", "staff/ann")
	a.expect("text", "password", "staff/text")
	begun := time.Now()
	a.expect("bob", "wrong", ErrWrong)
	if d := time.Since(begun); d < noAtLeast {
		t.Errorf("a no takes %v", d)
	}
	for _, name := range []string{"down", "moved", "forbidden", "odd"} {
		a.expect(name, "password", ErrUnavailable)
	}
	begun = time.Now()
	a.expect("stalled", "password", ErrUnavailable)
	if d := time.Since(begun); d > 3*time.Second {
		t.Errorf("a service that is stalled is waited for %v", d)
	}
	gone := *dir
	gone.HTTP = &config.HTTPLogin{URL: "http://127.0.0.1:1/", Secret: dir.HTTP.Secret}
	a.dirs = []*config.Directory{&gone}
	a.expect("bob", "password", ErrUnavailable)
}

func TestHostileNamesOverHTTP(t *testing.T) {
	var got string
	a := ask(t, answering(t, func(_ http.ResponseWriter, q question) { got = q.Name }))
	for _, name := range tabletest.HostileKeys() {
		if !plausible(Attempt{Name: name, Password: "x"}) {
			continue
		}
		a.expect(name, "password", "staff/"+name)
		if got != name {
			t.Errorf("%q was asked as %q", name, got)
		}
	}
}

// A certificate that nobody trusts gets no password.
func TestHTTPVerifiesTheServer(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer s.Close()
	dir := &config.Directory{Name: "staff", Kind: "http", Connections: 1, HTTP: &config.HTTPLogin{URL: s.URL}}
	a := ask(t, dir)
	a.expect("ann", "password", ErrUnavailable)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	trusted := *dir
	trusted.HTTP = &config.HTTPLogin{URL: s.URL, CA: ca}
	a.dirs = []*config.Directory{&trusted}
	a.expect("ann", "password", "staff/ann")
}
