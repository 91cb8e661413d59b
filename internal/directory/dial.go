package directory

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"os"
)

var errNoCertificates = errors.New("no certificate in the file of ca")

// withPort is host:port of a URL, with the scheme's own port where none stands.
func withPort(u *url.URL, port string) string {
	if p := u.Port(); p != "" {
		port = p
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// tlsSettings verify the server's certificate by its name: against ca, a PEM
// file, or the system's authorities.
func tlsSettings(name, ca string) (*tls.Config, error) {
	c := &tls.Config{ServerName: name, MinVersion: tls.VersionTLS12}
	if ca == "" {
		return c, nil
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, err
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, errNoCertificates
	}
	return c, nil
}
