package config

import (
	"fmt"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Webhook is a service that gets messages by POST.
type Webhook struct {
	URL     string
	Secret  *Secret // nil: nothing is signed
	Format  string  // multipart, json
	Headers []HookHeader
	Private bool // may the name lead to loopback and private addresses
	Verify  bool // the certificate
	CA      string
	Timeout time.Duration // for the reply
	Wait    []StatusRange // statuses of class 4 that wait; the others bounce
}

// HookHeader is a field of each request.
type HookHeader struct {
	Name  string
	Value *Secret
}

// StatusRange is statuses of HTTP, both ends included.
type StatusRange struct{ First, Last int }

// Holds tells whether a status is in the range.
func (r StatusRange) Holds(status int) bool { return r.First <= status && status <= r.Last }

func (l *loader) webhook(b *block) *Webhook {
	ca := get[filePath](b, "ca")
	h := &Webhook{
		URL: l.url(b, "url", "https", "http"), Secret: get[*Secret](b, "secret"), Format: get[string](b, "format"),
		Headers: get[[]HookHeader](b, "headers"), Private: get[bool](b, "private"), Verify: get[string](b, "tls") == "verify",
		CA: ca.path, Timeout: get[time.Duration](b, "timeout"), Wait: get[[]StatusRange](b, "wait"),
	}
	l.positive(b, "timeout", "connect_timeout", "data_timeout")
	l.needFile(b, "ca", ca)
	if h.Secret != nil {
		l.needSecret(b, "secret", h.Secret)
	}
	for _, f := range h.Headers {
		if f.Value.Text == "" {
			l.needSecret(b, "headers", f.Value)
		}
	}
	if !h.Verify && h.CA != "" {
		l.errorf(b.place("ca"), `ca without tls = "verify"`)
	}
	return h
}

// fields reads an object of HTTP fields whose values are texts or secrets.
func (l *loader) fields(e hclsyntax.Expression) ([]HookHeader, bool) {
	o, is := plainExpr(e).(*hclsyntax.ObjectConsExpr)
	if !is {
		l.expected(e, `an object of fields, as { "X-Api-Key" = env("KEY") },`)
		return nil, false
	}
	entries, ok := l.object(o, strings.ToLower)
	var out []HookHeader
	for _, en := range entries {
		name := textproto.CanonicalMIMEHeaderKey(en.key.s)
		if !isFieldName(name) || isOurField(name) {
			l.errorf(en.key.at, "%q is no field that may be set", en.key.s)
			return nil, false
		}
		v, good := l.secretText(en.value)
		if good && strings.ContainsFunc(v.Text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			l.errorf(en.value.Range(), "a field has no control characters")
			good = false
		}
		ok = ok && good
		out = append(out, HookHeader{Name: name, Value: v})
	}
	return out, ok
}

// isFieldName is a token of RFC 9110 s5.6.2.
func isFieldName(s string) bool {
	for _, c := range []byte(s) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return s != ""
}

// isOurField tells a field that says what only the request itself can say.
func isOurField(name string) bool {
	return strings.HasPrefix(name, "Postroad-") || slices.Contains([]string{
		"Host", "Content-Length", "Content-Type", "Transfer-Encoding", "Connection", "Idempotency-Key", "Trailer", "Te", "Upgrade", "Expect",
	}, name)
}

// parseStatus reads "408" or "4xx".
func parseStatus(s string) (StatusRange, error) {
	if s == "4xx" {
		return StatusRange{400, 499}, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || len(s) != 3 || n < 400 || n > 499 {
		return StatusRange{}, fmt.Errorf(`%q is neither a status from "400" to "499" nor "4xx"`, s)
	}
	return StatusRange{n, n}, nil
}
