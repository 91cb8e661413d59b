package deliver

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/spool"
)

// posted is one request as a service got it.
type posted struct {
	header   http.Header
	body     []byte
	envelope map[string]any
	message  string
}

// service is a webhook's other side.
type service struct {
	*httptest.Server
	answer func(n int, w http.ResponseWriter, r *http.Request)

	mu  sync.Mutex // guards got
	got []posted
}

// hooked is a world whose transport "t" posts to a service that answers by answer;
// nil: 200.
func hooked(t *testing.T, answer func(n int, w http.ResponseWriter, r *http.Request)) (*world, *service) {
	s := &service{answer: answer}
	s.Server = httptest.NewServer(s)
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	w := newWorld(t)
	w.d.o.Dial = dialNet
	w.transport(&config.Transport{Name: "t", Kind: decide.KindWebhook, ConnectTimeout: time.Second, DataTimeout: 5 * time.Second,
		Webhook: &config.Webhook{URL: s.URL + "/mail", Format: "multipart", Verify: true, Timeout: 2 * time.Second,
			Wait: []config.StatusRange{{First: 408, Last: 408}, {First: 429, Last: 429}}}})
	return w, s
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client broke off
	}
	p := posted{header: r.Header.Clone(), body: body}
	p.envelope, p.message = parcelOf(r.Header.Get("Content-Type"), body)
	s.mu.Lock()
	s.got = append(s.got, p)
	n := len(s.got)
	s.mu.Unlock()
	if s.answer != nil {
		s.answer(n, w, r)
	}
}

// parcelOf reads a request as a service would, by the standard library.
func parcelOf(contentType string, body []byte) (envelope map[string]any, message string) {
	if contentType == "application/json" {
		var o struct {
			Envelope map[string]any
			Message  string
		}
		_ = json.Unmarshal(body, &o)
		b, _ := base64.StdEncoding.DecodeString(o.Message)
		return o.Envelope, string(b)
	}
	_, boundary, _ := strings.Cut(contentType, "boundary=")
	form, err := multipart.NewReader(strings.NewReader(string(body)), boundary).ReadForm(1 << 20)
	if err != nil {
		return nil, err.Error()
	}
	_ = json.Unmarshal([]byte(form.Value["envelope"][0]), &envelope)
	f, err := form.File["message"][0].Open()
	if err != nil {
		return nil, err.Error()
	}
	defer f.Close()
	b, _ := io.ReadAll(f)
	return envelope, string(b)
}

func (s *service) seen() []posted {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]posted(nil), s.got...)
}

func TestWebhook(t *testing.T) {
	for _, format := range []string{"multipart", "json"} {
		w, s := hooked(t, nil)
		w.cfg.Transports["t"].Webhook.Format = format
		w.cfg.Transports["t"].Webhook.Headers = []config.HookHeader{{Name: "X-Api-Key", Value: &config.Secret{Text: "k"}}}
		for _, length := range []int{0, 1, 2, 3, 3071, 3072, 3073, 100_000} {
			text := "Subject: x\r\n\r\n.dot\r\n--postroad-\r\n\"}\x00\xff" + strings.Repeat("x", length)
			a := job("t", "Ann+x@d.example", "bob@d.example")
			a.Body = newBody(text)
			a.Job.Recipients[1].Original = address("sales@d.example")
			a.Job.Arrived = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			a.Envelope = spool.Envelope{Client: "192.0.2.1", Helo: "client.example", Login: "staff/ann", Listener: "public"}
			res := w.d.Attempt(t.Context(), a)
			if got, want := told(a, res), "Ann+x delivered 250 2.0.0 webhook answered 200 @"+s.Listener.Addr().String()+" | bob delivered 250 2.0.0 webhook answered 200 @"+s.Listener.Addr().String(); got != want || !res.Final {
				t.Fatalf("got %s (%s)", got, w.log.String())
			}
			seen := s.seen()
			for i, to := range []string{"Ann+x@d.example", "bob@d.example"} {
				p := seen[len(seen)-2+i]
				if p.message != text {
					t.Errorf("%s: message of %d octets came as %d", format, len(text), len(p.message))
				}
				e := p.envelope
				if e["recipient"] != to || e["sender"] != "s@example.org" || e["client"] != "192.0.2.1" || e["login"] != "staff/ann" ||
					e["received"] != "2026-01-02T03:04:05Z" || e["attempt"] != 1.0 || e["size"] != float64(len(text)) || e["key"] != p.header.Get("Idempotency-Key") {
					t.Errorf("envelope: %v", e)
				}
				if p.header.Get("X-Api-Key") != "k" || p.header.Get("Postroad-Signature") != "" {
					t.Errorf("header: %v", p.header)
				}
			}
			if o := seen[len(seen)-1].envelope["original"]; o != "sales@d.example" {
				t.Errorf("original %v", o)
			}
		}
	}
}

// verify is the check that the manual tells services to make.
func verify(p posted, secret string) error {
	at, mac, _ := strings.Cut(p.header.Get("Postroad-Signature"), ",v1=")
	at = strings.TrimPrefix(at, "t=")
	if n, err := strconv.ParseInt(at, 10, 64); err != nil || time.Since(time.Unix(n, 0)).Abs() > time.Minute {
		return fmt.Errorf("time %q", at)
	}
	h := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(h, "%s.%s", at, p.body)
	if want := hex.EncodeToString(h.Sum(nil)); mac != want {
		return fmt.Errorf("got %s, want %s", mac, want)
	}
	return nil
}

// A retry is a request of its own under the same key, also in another process.
func TestWebhookRetryKeepsTheKey(t *testing.T) {
	answers := []int{503, 429, 200, 200, 200}
	w, s := hooked(t, func(n int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(answers[n-1]) })
	hook := w.cfg.Transports["t"].Webhook
	hook.Secret = &config.Secret{Text: "s3cret"}
	a := job("t", "ann@d.example")
	for attempts, want := range []spool.State{spool.Waiting, spool.Waiting, spool.Delivered} {
		a.Job.Attempts = attempts
		if attempts == 2 { // a new process
			again := newWorld(t)
			again.cfg, again.d.o.Dial = w.cfg, dialNet
			again.d.o.Configs = func() *config.Config { return w.cfg }
			w = again
		}
		if res := w.d.Attempt(t.Context(), a); res.Recipients[0].State != want {
			t.Errorf("attempt %d: %s", attempts, told(a, res))
		}
	}
	w.d.Attempt(t.Context(), job("t", "bob@d.example"))
	other := job("t", "ann@d.example")
	other.Job.Message[0]++
	w.d.Attempt(t.Context(), other)
	seen := s.seen()
	if len(seen) != 5 {
		t.Fatalf("%d requests", len(seen))
	}
	key := func(i int) string { return seen[i].header.Get("Idempotency-Key") }
	if key(0) != key(1) || key(0) != key(2) || key(0) == key(3) || key(0) == key(4) || key(3) == key(4) || len(key(0)) < 32 {
		t.Errorf("keys: %s %s %s, of others %s %s", key(0), key(1), key(2), key(3), key(4))
	}
	for i, p := range seen {
		if err := verify(p, "s3cret"); err != nil {
			t.Errorf("signature of %d: %v", i, err)
		}
		if i < 3 && p.envelope["attempt"] != float64(i+1) {
			t.Errorf("attempt %v", p.envelope["attempt"])
		}
	}
}

// A recipient who was reached under two addresses is told both: a service that goes
// by the key drops neither, and the same address is one key again.
func TestWebhookKeyIsOfTheOriginalToo(t *testing.T) {
	w, s := hooked(t, func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) })
	a := job("t", "ann@d.example", "ann@d.example", "ann@d.example", "ann@d.example")
	a.Job.Recipients[1].Original = address("sales@d.example")
	a.Job.Recipients[2].Original = address("info@d.example")
	a.Job.Recipients[3].Original = address("ann@d.example") // as a spool keeps what was not expanded
	w.d.Attempt(t.Context(), a)
	keys, originals := map[string]bool{}, map[any]bool{}
	for _, p := range s.seen() {
		keys[p.header.Get("Idempotency-Key")], originals[p.envelope["original"]] = true, true
	}
	if len(s.seen()) != 4 || len(keys) != 3 || len(originals) != 3 {
		t.Errorf("%d requests with %d keys for %v", len(s.seen()), len(keys), originals)
	}
}

func TestWebhookAnswers(t *testing.T) {
	wait := []config.StatusRange{{First: 408, Last: 408}, {First: 425, Last: 425}, {First: 429, Last: 429}}
	for status := 100; status < 600; status++ {
		state, reply := hookVerdict(status, wait)
		want := spool.Waiting
		switch {
		case status/100 == 2:
			want = spool.Delivered
		case status/100 == 4 && status != 408 && status != 425 && status != 429:
			want = spool.Failed
		}
		fits := state == spool.Delivered && reply.Positive() || state == spool.Failed && reply.Permanent() || state == spool.Waiting && reply.Transient()
		if state != want || !fits || int(reply.Enhanced[0]-'0') != reply.Code/100 {
			t.Errorf("%d: %v %s", status, state, reply)
		}
		if state, _ := hookVerdict(status, []config.StatusRange{{First: 400, Last: 499}}); state == spool.Failed {
			t.Errorf("%d bounces where 4xx waits", status)
		}
	}
}

func TestWebhookIsNotRedirected(t *testing.T) {
	w, s := hooked(t, func(_ int, w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", 308) })
	a := job("t", "ann@d.example")
	if got := told(a, w.d.Attempt(t.Context(), a)); !strings.HasPrefix(got, "ann waits 451 4.3.0 webhook answered 308") {
		t.Errorf("got %s", got)
	}
	if n := len(s.seen()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestWebhookSaysWhenToComeBack(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for in, want := range map[string]time.Time{
		"120": now.Add(2 * time.Minute), "Fri, 02 Jan 2026 04:00:00 GMT": time.Date(2026, 1, 2, 4, 0, 0, 0, time.UTC),
		"": {}, "soon": {}, "-5": {}, "99999999999999999999": {},
	} {
		if got := retryAfter(in, now); !got.Equal(want) {
			t.Errorf("%q: %v", in, got)
		}
	}
	w, _ := hooked(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", strconv.Itoa(3600*n))
		w.WriteHeader([]int{429, 503, 400}[n-1])
	})
	res := w.d.Attempt(t.Context(), job("t", "ann@d.example", "bob@d.example", "eve@d.example"))
	if in := time.Until(res.NotBefore); in < 119*time.Minute || in > 121*time.Minute {
		t.Errorf("not before %v from now", in)
	}
}

// Whatever goes wrong on the way, everybody waits, and nobody for long.
func TestWebhookFaults(t *testing.T) {
	stall := make(chan struct{})
	for name, c := range map[string]struct {
		answer func(n int, w http.ResponseWriter, r *http.Request)
		change func(*config.Transport)
		want   string
		asked  int
	}{
		"hangs up": {func(_ int, w http.ResponseWriter, _ *http.Request) {
			conn, _, _ := w.(http.Hijacker).Hijack()
			conn.Close()
		}, nil, "451 4.4.2 webhook does not answer", 1},
		"says nothing":  {func(int, http.ResponseWriter, *http.Request) { <-stall }, nil, "451 4.4.2 webhook does not answer", 1},
		"talks garbage": {garbage, nil, "451 4.4.2 webhook does not answer", 1},
		"endless header": {func(_ int, w http.ResponseWriter, _ *http.Request) {
			for i := range 2000 {
				w.Header().Set("X-"+strconv.Itoa(i), strings.Repeat("x", 100))
			}
		}, nil, "451 4.4.2 webhook does not answer", 1},
		"nobody there":   {nil, func(t *config.Transport) { t.Webhook.URL = "http://127.0.0.1:1/" }, "451 4.4.1 webhook cannot be reached", 0},
		"no such name":   {nil, func(t *config.Transport) { t.Webhook.URL = "http://nowhere.example/" }, "451 4.4.1 webhook cannot be reached", 0},
		"private":        {nil, func(t *config.Transport) { t.Webhook.URL = "http://inside.example/" }, "451 4.4.4 webhook leads to no public address", 0},
		"no secret":      {nil, func(t *config.Transport) { t.Webhook.Secret = &config.Secret{File: "/nowhere"} }, "451 4.3.5 mail system configuration error", 0},
		"no certificate": {nil, func(t *config.Transport) { t.Webhook.URL = strings.Replace(t.Webhook.URL, "http:", "https:", 1) }, "451 4.4.2 webhook does not answer", 0},
	} {
		w, s := hooked(t, c.answer)
		w.zone.addrs["inside.example"] = []netip.Addr{mustAddr("127.0.0.1"), mustAddr("10.0.0.1"), mustAddr("::ffff:192.168.0.1")}
		w.cfg.Transports["t"].Webhook.Timeout = 300 * time.Millisecond
		if c.change != nil {
			c.change(w.cfg.Transports["t"])
		}
		a := job("t", "ann@d.example", "bob@d.example")
		begun := time.Now()
		got := told(a, w.d.Attempt(t.Context(), a))
		if want := "ann waits " + c.want + " | bob waits " + c.want; got != want {
			t.Errorf("%s: got %s", name, got)
		}
		if n := len(s.seen()); n > c.asked+1 { // an idempotent request may be made again on a connection that was lost
			t.Errorf("%s: %d requests", name, n)
		}
		if d := time.Since(begun); d > 3*time.Second {
			t.Errorf("%s: it took %v", name, d)
		}
	}
	close(stall)
}

func garbage(_ int, w http.ResponseWriter, _ *http.Request) {
	conn, rw, _ := w.(http.Hijacker).Hijack()
	_, _ = rw.WriteString("220 smtp.example ESMTP\r\n")
	_ = rw.Flush()
	conn.Close()
}

// An endless answer is an answer: its status counts, its rest is not read.
func TestWebhookThatTalksWithoutEnd(t *testing.T) {
	w, _ := hooked(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write([]byte(strings.Repeat("x", 1000))); err != nil {
				return
			}
		}
	})
	begun := time.Now()
	a := job("t", "ann@d.example")
	if res := w.d.Attempt(t.Context(), a); res.Recipients[0].State != spool.Delivered {
		t.Errorf("got %s", told(a, res))
	}
	if d := time.Since(begun); d > 3*time.Second {
		t.Errorf("it took %v", d)
	}
}

// A name leads where DNS says at the moment of the connection, and to our own
// machine only with leave.
func TestWebhookNames(t *testing.T) {
	w, s := hooked(t, nil)
	hook := w.cfg.Transports["t"].Webhook
	hook.URL = strings.Replace(hook.URL, "127.0.0.1", "hook.example", 1)
	w.zone.addrs["hook.example"] = []netip.Addr{mustAddr("127.0.0.1")}
	hook.Private = true
	a := job("t", "ann@d.example")
	if res := w.d.Attempt(t.Context(), a); res.Recipients[0].State != spool.Delivered {
		t.Fatalf("got %s", told(a, res))
	}
	hook.Private = false
	w.d.hooks.close()
	if got := told(a, w.d.Attempt(t.Context(), a)); got != "ann waits 451 4.4.4 webhook leads to no public address" {
		t.Errorf("got %s", got)
	}
	var dialled []string
	w.d.o.Dial = func(ctx context.Context, network, address string, from netip.Addr) (net.Conn, error) {
		dialled = append(dialled, address)
		return dialNet(ctx, network, s.Listener.Addr().String(), from)
	}
	w.zone.addrs["hook.example"] = []netip.Addr{mustAddr("10.0.0.1"), mustAddr("192.0.2.1")}
	if res := w.d.Attempt(t.Context(), a); res.Recipients[0].State != spool.Delivered || len(dialled) != 1 || !strings.HasPrefix(dialled[0], "192.0.2.1:") {
		t.Errorf("got %s by %v", told(a, res), dialled)
	}
}

func TestWebhookVerifiesTheServer(t *testing.T) {
	w, _ := hooked(t, nil)
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer s.Close()
	s.Config.ErrorLog = nil
	try := func(change func(*config.Webhook)) queue.Result {
		next := *w.cfg.Transports["t"]
		hook := *next.Webhook
		hook.URL = s.URL
		change(&hook)
		next.Webhook = &hook
		w.cfg.Transports["t"] = &next
		return w.d.Attempt(t.Context(), job("t", "ann@d.example"))
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		change func(*config.Webhook)
		want   spool.State
	}{
		{func(*config.Webhook) {}, spool.Waiting},
		{func(h *config.Webhook) { h.Verify = false }, spool.Delivered},
		{func(h *config.Webhook) { h.Verify, h.CA = true, ca }, spool.Delivered},
		{func(h *config.Webhook) { h.CA = "/nowhere" }, spool.Waiting},
	} {
		if res := try(c.change); res.Recipients[0].State != c.want {
			t.Errorf("got %+v", res)
		} else if c.want == spool.Delivered && res.TLS == "" {
			t.Error("TLS is not told")
		}
	}
}

// Half a message is never sent as a whole one.
func TestWebhookOfADamagedMessage(t *testing.T) {
	for _, format := range []string{"multipart", "json"} {
		w, s := hooked(t, nil)
		w.cfg.Transports["t"].Webhook.Format = format
		a := job("t", "ann@d.example")
		a.Body = unreadable{newBody(strings.Repeat("0123456789012345678901234567890\r\n", 10_000))}
		if res := w.d.Attempt(t.Context(), a); res.Recipients[0].State != spool.Waiting {
			t.Errorf("got %s", told(a, res))
		}
		if n := len(s.seen()); n != 0 {
			t.Errorf("%d requests were whole", n)
		}
	}
}

// Whatever an address holds, the service reads that address.
func TestWebhookHostileAddresses(t *testing.T) {
	for _, format := range []string{"multipart", "json"} {
		w, s := hooked(t, nil)
		w.cfg.Transports["t"].Webhook.Format = format
		for _, local := range append(hostileLocals(), "a\r\nX: y", "a\x00b", "\"}") {
			a := job("t", "x@d.example")
			a.Job.Recipients[0].Final = mail.Address{Local: local, Domain: "d.example"}
			w.d.Attempt(t.Context(), a)
			seen := s.seen()
			if got := seen[len(seen)-1].envelope["recipient"]; got != a.Job.Recipients[0].Final.String() {
				t.Errorf("%q came as %q", local, got)
			}
		}
	}
}

func TestWebhookCannotTellBrokenText(t *testing.T) {
	w, s := hooked(t, nil)
	a := job("t", "x@d.example")
	a.Job.Recipients[0].Final.Local = "a\xff"
	if res := w.d.Attempt(t.Context(), a); res.Recipients[0].State != spool.Failed || len(s.seen()) != 0 {
		t.Errorf("got %s", told(a, res))
	}
}
