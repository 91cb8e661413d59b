package httptable

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/table"
	"github.com/postroad/postroad/internal/table/remote"
	"github.com/postroad/postroad/internal/table/tabletest"
)

func open(t *testing.T, o Options) remote.Asker {
	t.Helper()
	o.Connections = 2
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// book answers from a map, as a service would: by GET, and by POST of many.
func book(values map[string]string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			var keys []string
			body, _ := io.ReadAll(r.Body)
			if err := json.Unmarshal(body, &keys); err != nil {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			answers := make([]any, len(keys))
			for i, k := range keys {
				if v, there := values[k]; there {
					answers[i] = map[string]any{"values": []string{v}}
				}
			}
			json.NewEncoder(w).Encode(answers)
			return
		}
		q, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil || r.URL.Path != "/box" || len(q) != 2 || q.Get("kind") != "x" || len(q["address"]) != 1 {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		v, there := values[q.Get("address")]
		if !there {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		json.NewEncoder(w).Encode(v)
	}
}

func TestHostileKeysAreKeys(t *testing.T) {
	keys := append(tabletest.HostileKeys(), tabletest.Raw()...)
	values := map[string]string{}
	for i := 0; i < len(keys); i += 2 {
		values[keys[i]] = fmt.Sprint(i)
	}
	at := serve(t, book(values))
	for _, batch := range []string{"", at + "/many"} {
		a := open(t, Options{URL: at + "/box?address={key}&kind=x", Batch: batch})
		check := func(i int, got table.Answer) {
			t.Helper()
			switch {
			case i%2 == 0 && (got.Status != table.Found || !slices.Equal(got.Values, []string{fmt.Sprint(i)})):
				t.Errorf("%q: %+v, want %d", keys[i], got, i)
			case i%2 != 0 && got.Status != table.NotFound:
				t.Errorf("%q: %+v, want not found", keys[i], got)
			}
		}
		for i, k := range keys {
			check(i, a.Lookup(t.Context(), k))
		}
		if b, can := a.(remote.Batcher); can {
			for i, got := range b.LookupAll(t.Context(), keys) {
				check(i, got)
			}
		} else if batch != "" {
			t.Error("it cannot ask for several")
		}
	}
}

func TestAnswers(t *testing.T) {
	var reply atomic.Value
	at := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		status, body := 200, reply.Load().(string)
		if first, rest, _ := strings.Cut(body, " "); len(first) == 3 && first[0] <= '9' && first[0] > '0' {
			status, _ = strconv.Atoi(first)
			body = rest
		}
		w.Header().Set("Location", "/elsewhere?address=x")
		w.WriteHeader(status)
		io.WriteString(w, body)
	})
	a := open(t, Options{URL: at + "?{key}"})
	for body, want := range map[string]table.Answer{
		`true`: {Status: table.Found}, `""`: {Status: table.Found}, `["", "a"]`: {Status: table.Found, Values: []string{"a"}},
		`"a, b"`: {Status: table.Found, Values: []string{"a, b"}}, ` {"values": ["b", "a"], "more": 1} `: {Status: table.Found, Values: []string{"b", "a"}},
		`{"values": true}`: {Status: table.Found}, `{"values": "a"}`: {Status: table.Found, Values: []string{"a"}},
		`false`: {Status: table.NotFound}, `null`: {Status: table.NotFound}, `[]`: {Status: table.NotFound}, `{"values": null}`: {Status: table.NotFound},
		`{"values": []}`: {Status: table.NotFound}, `404 `: {Status: table.NotFound}, "404 \n": {Status: table.NotFound}, `404 true`: {Status: table.NotFound}, `404 {"error": "not found"}`: {Status: table.NotFound},
		`404 <html>`: {}, `404 404 page not found`: {}, `404 default backend - 404`: {},
		``: {}, `{}`: {}, `1`: {}, `[1]`: {}, `["a", null]`: {}, `{"values": {"values": "a"}}`: {}, `{"Values": "a"}`: {}, `true true`: {}, `<html>`: {}, `"a`: {},
		"\"\xff\"": {}, `[["a"]]`: {}, `{"values": 1}`: {}, `201 true`: {}, `204 `: {}, `206 true`: {}, `301 true`: {}, `307 true`: {}, `401 true`: {}, `403 `: {},
		`410 `: {}, `429 `: {}, `500 true`: {}, `503 `: {}, `400 `: {}, `413 `: {}, `414 `: {}, `422 `: {},
	} {
		reply.Store(body)
		got := a.Lookup(t.Context(), "k")
		if got.Status != want.Status || !slices.Equal(got.Values, want.Values) || got.Status == table.TryLater && got.Cause == nil {
			t.Errorf("%q: %+v, want %+v", body, got, want)
		}
		ofKey := slices.Contains([]string{"400 ", "413 ", "414 ", "422 "}, body)
		if errors.Is(got.Cause, remote.ErrKey) != ofKey {
			t.Errorf("%q: %+v", body, got)
		}
	}
}

// Answers to several keys that are not as many tell nothing of any of them, and a
// fault of one costs the others nothing.
func TestBatches(t *testing.T) {
	var reply atomic.Value
	var alone atomic.Int32
	at := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			alone.Add(1)
			io.WriteString(w, `"`+r.URL.RawQuery+`"`)
			return
		}
		status, body, _ := strings.Cut(reply.Load().(string), " ")
		n := 0
		fmt.Sscan(status, &n)
		w.WriteHeader(n)
		io.WriteString(w, body)
	})
	b := open(t, Options{URL: at + "/?{key}", Batch: at + "/many"}).(remote.Batcher)
	found, none, later := table.Found, table.NotFound, table.TryLater
	for text, want := range map[string][]table.Status{
		`200 [true, false]`: {found, none}, `200 ["a", 1]`: {found, later}, `200 [{"values":[]}, "x"]`: {none, found},
		`200 [true]`: {later, later}, `200 [true, true, true]`: {later, later}, `200 {"values":["a","b"]}`: {later, later}, `200 `: {later, later},
		`404 `: {later, later}, `500 `: {later, later}, `302 `: {later, later}, `422 `: {found, found}, `413 `: {found, found},
	} {
		reply.Store(text)
		for i, got := range b.LookupAll(t.Context(), []string{"a", "b"}) {
			if got.Status != want[i] || got.Status == later && got.Cause == nil {
				t.Errorf("%s: %d: %+v", text, i, got)
			}
		}
	}
	reply.Store(`200 [true, true]`)
	alone.Store(0)
	if got := b.LookupAll(t.Context(), []string{"a", "\xff"}); got[0].Status != found || got[1].Status != found || alone.Load() != 2 {
		t.Errorf("a key that is no text: %+v", got)
	}
	if got := b.LookupAll(t.Context(), nil); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

// A redirect is not followed, the token goes nowhere else, and every field is sent.
func TestFieldsAndRedirects(t *testing.T) {
	other := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") })
	secret := func(s string) func() (string, error) { return func() (string, error) { return s, nil } }
	moved := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other, http.StatusFound) })
	if got := open(t, Options{URL: moved + "?{key}", Token: secret("s3cret")}).Lookup(t.Context(), "k"); got.Status != table.TryLater {
		t.Errorf("%+v", got)
	}
	at := serve(t, func(w http.ResponseWriter, r *http.Request) {
		h := r.Header
		json.NewEncoder(w).Encode(h.Get("Authorization") + "|" + h.Get("X-Tenant") + "|" + h.Get("Accept"))
	})
	o := Options{URL: at + "?{key}", Token: secret("s3cret"), Headers: []Header{{"X-Tenant", secret("one")}}}
	if got := open(t, o).Lookup(t.Context(), "k"); !slices.Equal(got.Values, []string{"Bearer s3cret|one|application/json"}) {
		t.Errorf("%+v", got)
	}
	for _, broken := range []string{"", "line\r\nend"} {
		o.Token = func() (string, error) { return broken, nil }
		if broken == "" {
			o.Token = func() (string, error) { return "", errors.New("no file") }
		}
		got := open(t, o).Lookup(t.Context(), "k")
		if got.Status != table.TryLater || strings.Contains(got.Cause.Error(), "line") {
			t.Errorf("%q: %+v", broken, got)
		}
	}
}

func TestTooMuchAndTooLong(t *testing.T) {
	at := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "long" {
			<-r.Context().Done()
			return
		}
		io.WriteString(w, `"`+strings.Repeat("x", maxOctets)+`"`)
	})
	a := open(t, Options{URL: at + "?{key}"})
	if got := a.Lookup(t.Context(), "much"); got.Status != table.TryLater || !errors.Is(got.Cause, remote.ErrKey) {
		t.Errorf("%v %v", got.Status, got.Cause)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if got := a.Lookup(ctx, "long"); got.Status != table.TryLater || strings.Contains(got.Cause.Error(), "long") {
		t.Errorf("%+v", got)
	}
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
	many := `["` + strings.Repeat(`a","`, maxValues) + `"]`
	if got := parse([]byte(many)); !errors.Is(got.Cause, remote.ErrKey) {
		t.Errorf("%v %v", got.Status, got.Cause)
	}
}

// A server that answers half a body or closes what was kept.
func TestAnswersThatBreak(t *testing.T) {
	var calls atomic.Int32
	at := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1)%2 == 0 {
			w.Header().Set("Connection", "close")
		}
		if r.URL.RawQuery == "half" {
			w.Header().Set("Content-Length", "10")
			io.WriteString(w, `true`)
			return
		}
		io.WriteString(w, `true`)
	})
	a := open(t, Options{URL: at + "?{key}"})
	for range 4 {
		if got := a.Lookup(t.Context(), "half"); got.Status != table.TryLater {
			t.Errorf("%+v", got)
		}
		if got := a.Lookup(t.Context(), "k"); got.Status != table.Found {
			t.Errorf("%+v", got)
		}
	}
}

func TestParseAddress(t *testing.T) {
	for raw, key := range map[string]string{
		"https://h/p?a={key}": "https://h/p?a=x%20y", "http://h?{key}": "http://h?x%20y", "http://[::1]:8/?a={key}&b=%20{key}": "http://[::1]:8/?a=x%20y&b=%20x%20y",
	} {
		a, err := ParseAddress(raw)
		if err != nil || a.With("x y") != key {
			t.Errorf("%s: %v, %q", raw, err, a.With("x y"))
		}
	}
	for raw, want := range map[string]error{
		"": errAddress, "h?{key}": errAddress, "ftp://h?{key}": errAddress, "https://?{key}": errAddress, "https://ann:pass@h?{key}": errAddress,
		"https://h?{key}#x": errAddress, "https://h?{key}&a#": errAddress, "https://h/{key}": errOutside, "https://{key}/?{key}": errAddress,
		"https://h/{key}?{key}": errOutside, "https://h?a": errNoKey, "https://h?a b={key}": errOctets, "https://h?é={key}": errOctets, "https://h?{key}\n": errAddress,
	} {
		if a, err := ParseAddress(raw); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v: %+v", raw, err, want, a)
		}
	}
}

// A key is one field of the query, and nothing else of the URL changes.
func FuzzAddress(f *testing.F) {
	f.Add("https://h:1/p?a={key}&b=c", "x&b=d#/../?\x00%")
	f.Fuzz(func(t *testing.T, raw, key string) {
		fixed, err := ParseAddress("https://api.example.com/p?a={key}&b=c")
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(fixed.With(key))
		if err != nil {
			t.Fatal(err)
		}
		q, err := url.ParseQuery(u.RawQuery)
		if err != nil || len(q) != 2 || q.Get("a") != key || q.Get("b") != "c" || u.Host != "api.example.com" || u.Path != "/p" || u.Fragment != "" {
			t.Errorf("%q: %s", key, u)
		}
		a, err := ParseAddress(raw)
		if err != nil {
			return
		}
		one, err1 := url.Parse(a.With(""))
		other, err2 := url.Parse(a.With(key))
		if err1 != nil || err2 != nil || one.Scheme != other.Scheme || one.Host != other.Host || one.Path != other.Path || other.Fragment != "" ||
			strings.Count(one.RawQuery, "&") != strings.Count(other.RawQuery, "&") {
			t.Errorf("%q with %q: %v %v", raw, key, err1, err2)
		}
	})
}

func FuzzAnswer(f *testing.F) {
	for _, s := range []string{`true`, `["a",""]`, `{"values":[]}`, `[[true],false]`, `null`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		a := parse(body)
		if a.Status != table.TryLater && !json.Valid(body) || a.Status != table.Found && a.Values != nil || slices.Contains(a.Values, "") ||
			(a.Status == table.TryLater) != (a.Cause != nil) {
			t.Errorf("%q: %+v", body, a)
		}
		all, err := parseAll(body, 2)
		if (err == nil) != (len(all) == 2) {
			t.Errorf("%q: %+v, %v", body, all, err)
		}
	})
}
