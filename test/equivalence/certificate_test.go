package equivalence

import (
	"crypto/tls"
	"strings"
	"sync"

	"github.com/postroad/postroad/internal/lab"
)

// authorityPath is the certificate that both servers trust.
const authorityPath = "/etc/ca.pem"

// authority gives each host a certificate for its name and for the domain whose
// MX it is.
type authority struct {
	ca *lab.CA

	mu     sync.Mutex // guards issued
	issued map[string]tls.Certificate
}

func newAuthority() (*authority, error) {
	ca, err := lab.NewCA()
	if err != nil {
		return nil, err
	}
	_, err = ca.WriteRoots("/etc")
	return &authority{ca: ca, issued: map[string]tls.Certificate{}}, err
}

// config is the TLS of one host.
func (a *authority) config(host string) (*tls.Config, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c, ok := a.issued[host]
	if !ok {
		var err error
		if c, err = a.ca.Certificate(host, strings.TrimPrefix(host, "mx.")); err != nil {
			return nil, err
		}
		a.issued[host] = c
	}
	return &tls.Config{Certificates: []tls.Certificate{c}}, nil
}
