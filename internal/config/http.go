package config

import (
	"net/url"

	httptable "github.com/postroad/postroad/internal/table/http"
)

// HTTP is a service that is asked by GET.
type HTTP struct {
	URL     string  // {key} in its query stands for the key
	Batch   string  // URL to which several keys are posted; "": none
	Secret  *Secret // bearer token; nil: none
	Headers []HookHeader
	CA      string // PEM file; "": the system's
}

func httpFields() []field {
	return remoteFields(
		field{name: "url", typ: typeText, required: true, doc: "What to get, with `{key}` in the query for the key that is looked up.", example: `"https://api.example.com/mailbox?address={key}"`},
		field{name: "batch", typ: typeText, doc: "Where several keys at once are posted, as a JSON array; the answer is an array of answers. Absent: each key by itself.", example: `"https://api.example.com/mailboxes"`},
		field{name: "secret", typ: typeSecret, doc: "Sent as bearer token; read each time.", example: `env("API_TOKEN")`},
		field{name: "headers", typ: typeFields, doc: "Fields of each request.", example: `{ "X-Api-Key" = env("API_KEY") }`},
		caField(),
	)
}

func (l *loader) httpTable(b *block, r *Remote) {
	errors := l.errors
	r.HTTP = &HTTP{
		URL: l.url(b, "url", "https", "http"), Secret: get[*Secret](b, "secret"), Headers: get[[]HookHeader](b, "headers"), CA: l.ca(b),
	}
	l.needSecret(b, "secret", r.HTTP.Secret)
	for _, f := range r.HTTP.Headers {
		l.needSecret(b, "headers", f.Value)
		if f.Name == "Authorization" && r.HTTP.Secret != nil {
			l.errorf(b.place("headers"), "secret is sent as Authorization too")
		}
	}
	if b.given("batch") {
		r.HTTP.Batch = l.url(b, "batch", "https", "http")
	}
	if b.bad || l.errors > errors {
		return
	}
	if _, err := httptable.ParseAddress(r.HTTP.URL); err != nil {
		l.errorf(b.place("url"), "%v", err)
	}
	l.httpServers(b, r.HTTP)
}

// httpServers holds that a token goes to one server only, and that a certificate
// can be held against the authorities.
func (l *loader) httpServers(b *block, h *HTTP) {
	u, err := url.Parse(h.URL)
	batch, errBatch := url.Parse(h.Batch)
	switch {
	case err != nil || errBatch != nil:
	case h.Batch != "" && (batch.Scheme != u.Scheme || batch.Host != u.Host):
		l.errorf(b.place("batch"), "batch is on another server than url")
	case h.CA != "" && u.Scheme != "https":
		l.errorf(b.place("ca"), "ca without https")
	}
}
