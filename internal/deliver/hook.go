package deliver

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/mail"
)

var (
	errHookConnect = errors.New("deliver: the webhook cannot be reached")
	errHookPrivate = errors.New("deliver: the webhook's name leads to no public address")
	errHookCA      = errors.New("deliver: no certificate in the file of ca")
)

// hooks keeps a client for each webhook, so that connections are used again.
type hooks struct {
	d *Deliverer

	mu  sync.Mutex // guards all
	all map[string]*hook
}

// hook is a webhook with its client, as one configuration defined it.
type hook struct {
	t      *config.Transport
	host   string // as people know it, for logs and bounces
	client *http.Client
}

func newHooks(d *Deliverer) *hooks { return &hooks{d: d, all: map[string]*hook{}} }

func (hs *hooks) close() {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	for _, h := range hs.all {
		h.client.CloseIdleConnections()
	}
}

// of gives the client of a transport, a new one after a reload.
func (hs *hooks) of(t *config.Transport) (*hook, error) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	old := hs.all[t.Name]
	if old != nil && old.t == t {
		return old, nil
	}
	h, err := hs.d.newHook(t)
	if err != nil {
		return nil, err
	}
	if old != nil {
		old.client.CloseIdleConnections()
	}
	hs.all[t.Name] = h
	return h, nil
}

func (d *Deliverer) newHook(t *config.Transport) (*hook, error) {
	u, err := url.Parse(t.Webhook.URL)
	if err != nil {
		return nil, err
	}
	roots, err := hookRoots(t.Webhook.CA, d.o.Roots)
	if err != nil {
		return nil, err
	}
	h := &hook{t: t, host: u.Host}
	h.client = &http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, address string) (net.Conn, error) { return d.dialHook(ctx, t, address) },
			TLSClientConfig: &tls.Config{
				MinVersion: tls.VersionTLS12, RootCAs: roots, InsecureSkipVerify: !t.Webhook.Verify,
			},
			TLSHandshakeTimeout: t.ConnectTimeout, ResponseHeaderTimeout: t.Webhook.Timeout, IdleConnTimeout: idleHook,
			MaxIdleConnsPerHost: max(1, t.Connections), MaxResponseHeaderBytes: hookReplyMax, DisableCompression: true, ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return h, nil
}

// idleHook is how long a connection is kept for the next message.
const idleHook = 30 * time.Second

func hookRoots(ca string, otherwise *x509.CertPool) (*x509.CertPool, error) {
	if ca == "" {
		return otherwise, nil
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errHookCA
	}
	return roots, nil
}

// dialHook connects to an address of the webhook. An address that stands in the
// configuration is the administrator's word; where a name leads is a stranger's,
// and may not be our own machine or network unless the configuration says so. The
// addresses are judged where they are used, so that none can change in between.
func (d *Deliverer) dialHook(ctx context.Context, t *config.Transport, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, t.ConnectTimeout)
	defer cancel()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	addrs, err := d.hookAddrs(ctx, t, host)
	if err != nil {
		return nil, err
	}
	err = errHookConnect
	for _, a := range addrs {
		d.counters.Connects.Add(1)
		conn, failed := d.o.Dial(ctx, "tcp", net.JoinHostPort(a.String(), port), netip.Addr{})
		if failed == nil {
			return conn, nil
		}
		d.counters.ConnectErrors.Add(1)
		err = fmt.Errorf("%w: %w", errHookConnect, failed)
	}
	return nil, err
}

func (d *Deliverer) hookAddrs(ctx context.Context, t *config.Transport, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	name, err := mail.ParseDomain(host)
	if err != nil {
		return nil, err
	}
	addrs, _, err := d.o.Resolvers(t.Resolver).Addrs(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errHookConnect, err)
	}
	var out []netip.Addr
	for _, a := range addrs {
		if t.Webhook.Private || !isPrivate(a) {
			out = append(out, a)
		}
	}
	if len(out) == 0 {
		return nil, errHookPrivate
	}
	return out, nil
}

// request makes the POST of a parcel, signed where there is a secret.
func (h *hook) request(ctx context.Context, p *parcel, key string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.t.Webhook.URL, io.NopCloser(p.open()))
	if err != nil {
		return nil, err
	}
	req.ContentLength = p.size()
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(p.open()), nil }
	for _, f := range h.t.Webhook.Headers {
		v, err := f.Value.Read()
		if err != nil {
			return nil, err
		}
		req.Header.Set(f.Name, v)
	}
	req.Header.Set("Content-Type", p.contentType())
	req.Header.Set("User-Agent", "postroad")
	req.Header.Set("Idempotency-Key", key)
	if h.t.Webhook.Secret == nil {
		return req, nil
	}
	secret, err := h.t.Webhook.Secret.Read()
	if err != nil {
		return nil, err
	}
	signature, err := sign(p, secret, time.Now())
	req.Header.Set("Postroad-Signature", signature)
	return req, err
}

// sign is HMAC-SHA256 over the time in seconds, a dot and the body, so that an old
// request cannot be sent again as a new one.
func sign(p *parcel, secret string, now time.Time) (string, error) {
	at := strconv.FormatInt(now.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(at + "."))
	if _, err := io.Copy(mac, p.open()); err != nil {
		return "", err
	}
	return "t=" + at + ",v1=" + hex.EncodeToString(mac.Sum(nil)), nil
}
