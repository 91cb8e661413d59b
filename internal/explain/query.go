package explain

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/smtp"
)

// ErrUsage is wrapped by every error that the asker made.
var ErrUsage = errors.New("wrong use")

// Query is a message that might come, as the command line says it. TLS is also
// implied by a login, a certificate, and a listener that takes no mail without.
type Query struct {
	Sender      string   `json:"sender,omitempty"`      // "" is the null path
	Client      string   `json:"client,omitempty"`      // "" is Stranger
	Login       string   `json:"login,omitempty"`       // directory/name
	Certificate string   `json:"certificate,omitempty"` // "sha256:…"
	Helo        string   `json:"helo,omitempty"`
	TLS         bool     `json:"tls,omitempty"`
	Listener    string   `json:"listener,omitempty"` // "" is the door that suits, see door
	Tags        []string `json:"tags,omitempty"`
	Header      []string `json:"header,omitempty"` // "Name: value"
	Size        int64    `json:"size,omitempty"`
	Recipients  []string `json:"recipients"`
	DNS         bool     `json:"dns,omitempty"` // resolve the hosts now
}

// Stranger is the client when none is named: an address for documentation, which
// no network of ours has.
const Stranger = "192.0.2.1"

// facts are what a session and a message as asked would give.
func (q Query) facts(c *config.Config) (decide.Facts, error) {
	client, err := netip.ParseAddr(orElse(q.Client, Stranger))
	if err != nil {
		return decide.Facts{}, fmt.Errorf("%w: client %q is no IP address", ErrUsage, q.Client)
	}
	login, err := q.login(c)
	if err != nil {
		return decide.Facts{}, err
	}
	door, err := q.door(c, login)
	if err != nil {
		return decide.Facts{}, err
	}
	header, err := q.header()
	if err != nil {
		return decide.Facts{}, err
	}
	f := decide.Facts{
		Client: client.Unmap().WithZone(""), Listener: door.Name, Helo: q.Helo, Login: login,
		Certificate: strings.ToLower(q.Certificate),
		HasMessage:  true, Header: header, Size: q.Size, Tags: q.Tags,
	}
	// AUTH is offered and certificates are shown only under TLS, and some doors
	// take no mail without it: what cannot happen is not asked for.
	f.TLS = q.TLS || door.TLS == config.TLSImplicit || door.TLS == config.TLSRequire ||
		login != (decide.Login{}) || f.Certificate != ""
	return f, nil
}

func (q Query) login(c *config.Config) (decide.Login, error) {
	if q.Login == "" {
		return decide.Login{}, nil
	}
	dir, name, ok := strings.Cut(q.Login, "/")
	if !ok || name == "" {
		return decide.Login{}, fmt.Errorf("%w: login %q is not directory/name", ErrUsage, q.Login)
	}
	if c.Directories[dir] == nil {
		return decide.Login{}, fmt.Errorf("%w: there is no directory %q", ErrUsage, dir)
	}
	return decide.Login{Directory: dir, Name: name}, nil
}

// door is the listener named. Else, with a login, the first that offers its
// directory; without one, the first that offers none; else the first.
func (q Query) door(c *config.Config, login decide.Login) (*config.Listener, error) {
	suits := func(l *config.Listener) bool { return l.Name == q.Listener }
	switch {
	case q.Listener != "":
	case login != decide.Login{}:
		suits = func(l *config.Listener) bool { return slices.Contains(l.Login, login.Directory) }
	default:
		suits = func(l *config.Listener) bool { return len(l.Login) == 0 }
	}
	if i := slices.IndexFunc(c.Listeners, suits); i >= 0 {
		return c.Listeners[i], nil
	}
	if q.Listener != "" {
		return nil, fmt.Errorf("%w: there is no listener %q", ErrUsage, q.Listener)
	}
	if len(c.Listeners) == 0 {
		return &config.Listener{}, nil
	}
	return c.Listeners[0], nil
}

// header makes the fields of the message.
func (q Query) header() (mail.Header, error) {
	var raw strings.Builder
	for _, f := range q.Header {
		if strings.ContainsAny(f, "\r\n") {
			return nil, fmt.Errorf("%w: header field %q has a line end", ErrUsage, f)
		}
		raw.WriteString(f + "\r\n")
	}
	h, end := mail.ScanHeader([]byte(raw.String()))
	if end != raw.Len() {
		return nil, fmt.Errorf("%w: a header field is written \"Name: value\"", ErrUsage)
	}
	return h, nil
}

// sender reads the reverse-path as MAIL would.
func (q Query) sender() (mail.Path, error) {
	m, err := smtp.ParseMail("FROM:<" + strings.Trim(q.Sender, "<>") + "> SMTPUTF8")
	if err != nil {
		return mail.Path{}, fmt.Errorf("%w: sender %q: %s", ErrUsage, q.Sender, mail.ReplyOf(err))
	}
	return m.Path, nil
}

func orElse(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}
