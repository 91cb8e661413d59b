package httptable

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
	"unicode/utf8"

	"github.com/postroad/postroad/internal/table"
	"github.com/postroad/postroad/internal/table/dial"
	"github.com/postroad/postroad/internal/table/remote"
)

// Options of a table.
type Options struct {
	URL         string                 // {key} in its query is the key
	Batch       string                 // URL to which several keys are posted; "": each by itself
	Roots       string                 // file of certificate authorities; "": the system's
	Token       func() (string, error) // bearer token; nil: none
	Headers     []Header
	Connections int
}

// Header is a field of each request.
type Header struct {
	Name  string
	Value func() (string, error)
}

// Bounds on a request and on its answer.
const (
	maxOctets  = 16 << 20
	maxBatch   = 500 // keys
	maxHeaders = 64 << 10
)

// New makes the Asker, a Batcher where the service takes several keys. It connects
// when it is first asked.
func New(o Options) (remote.Asker, error) {
	address, err := ParseAddress(o.URL)
	if err != nil {
		return nil, err
	}
	a := &asker{opts: o, address: address, client: &http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				return dial.Server{Network: network, Address: address}.Dial(ctx)
			},
			DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				host, _, err := net.SplitHostPort(address)
				if err != nil {
					return nil, err
				}
				return dial.Server{Network: network, Address: address, Name: host, TLS: true, Roots: o.Roots}.Dial(ctx)
			},
			MaxConnsPerHost: o.Connections, MaxIdleConnsPerHost: o.Connections, IdleConnTimeout: time.Minute,
			DisableCompression: true, MaxResponseHeaderBytes: maxHeaders,
		},
		// A service that moved says so to its operator, and not to us.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if o.Batch != "" {
		return &batcher{a}, nil
	}
	return a, nil
}

// asker asks for each key by itself.
type asker struct {
	opts    Options
	address Address
	client  *http.Client
}

// Lookup asks for one key.
func (a *asker) Lookup(ctx context.Context, key string) table.Answer {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.address.With(key), nil)
	if err != nil {
		return table.Answer{Cause: bare(err)}
	}
	status, body, err := a.exchange(req)
	switch {
	case err != nil:
		return table.Answer{Cause: err}
	case status == http.StatusNotFound:
		return missing(body)
	case status != http.StatusOK:
		return table.Answer{Cause: statusError(status)}
	}
	return parse(body)
}

// exchange sends a request with all its fields, and reads the reply.
func (a *asker) exchange(req *http.Request) (status int, body []byte, err error) {
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "postroad")
	if a.opts.Token != nil {
		token, err := a.opts.Token()
		if err != nil {
			return 0, nil, err
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for _, h := range a.opts.Headers {
		value, err := h.Value()
		if err != nil {
			return 0, nil, err
		}
		req.Header.Set(h.Name, value)
	}
	res, err := a.client.Do(req)
	if err != nil {
		return 0, nil, bare(err)
	}
	defer res.Body.Close()
	body, err = io.ReadAll(io.LimitReader(res.Body, maxOctets+1))
	if err == nil && len(body) > maxOctets {
		err = fmt.Errorf("%w: %w", remote.ErrKey, errTooMuch)
	}
	return res.StatusCode, body, err
}

// Close closes all connections.
func (a *asker) Close() error {
	a.client.CloseIdleConnections()
	return nil
}

// bare takes off the URL, which holds the key.
func bare(err error) error {
	if e := (*url.Error)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

// batcher posts several keys at once.
type batcher struct{ *asker }

// LookupAll asks for the keys together. When the service finds fault with one of
// them, or one is no text of JSON, they are asked for one by one.
func (b *batcher) LookupAll(ctx context.Context, keys []string) []table.Answer {
	var out []table.Answer
	for len(keys) > 0 {
		n := min(maxBatch, len(keys))
		out = append(out, b.some(ctx, keys[:n])...)
		keys = keys[n:]
	}
	return out
}

func (b *batcher) some(ctx context.Context, keys []string) []table.Answer {
	answers, err := b.post(ctx, keys)
	if err == nil {
		return answers
	}
	answers = make([]table.Answer, len(keys))
	for i, key := range keys {
		if answers[i].Cause = err; errors.Is(err, remote.ErrKey) {
			answers[i] = b.Lookup(ctx, key)
		}
	}
	return answers
}

var errText = fmt.Errorf("%w: it is no text of JSON", remote.ErrKey)

func (b *batcher) post(ctx context.Context, keys []string) ([]table.Answer, error) {
	for _, key := range keys {
		if !utf8.ValidString(key) {
			return nil, errText
		}
	}
	body, err := json.Marshal(keys)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.opts.Batch, bytes.NewReader(body))
	if err != nil {
		return nil, bare(err)
	}
	req.Header.Set("Content-Type", "application/json")
	// A question changes nothing: over a kept connection that the service closed, it
	// is asked again. The field itself is not sent.
	req.Header["Idempotency-Key"] = nil
	status, reply, err := b.exchange(req)
	switch {
	case err != nil:
		return nil, err
	case status != http.StatusOK:
		return nil, statusError(status)
	}
	return parseAll(reply, len(keys))
}
