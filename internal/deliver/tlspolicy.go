package deliver

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/netip"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/mail"
)

// tlsConfig for a host under a mode. With offer and require any certificate
// will do: nobody promised a name, and encryption without one still keeps
// those out who only listen (RFC 7435). verify and implicit check the name that
// was used to find the host; behind "mx:" that is the MX host's, which is worth no
// more than the DNS answer.
func (d *Deliverer) tlsConfig(mode config.TLSMode, name string) *tls.Config {
	cfg := &tls.Config{
		ServerName:         name,
		MinVersion:         tls.VersionTLS12,
		RootCAs:            d.o.Roots,
		ClientSessionCache: d.sessions[0],
	}
	if mode == config.TLSOffer || mode == config.TLSRequire {
		cfg.InsecureSkipVerify = true
		cfg.ClientSessionCache = d.sessions[1]
		if _, err := netip.ParseAddr(name); err == nil {
			cfg.ServerName = "" // RFC 6066 s3: SNI has no addresses
		}
	}
	return cfg
}

// isCertificate tells whether a handshake failed on what the certificate says.
func isCertificate(err error) bool {
	var verification *tls.CertificateVerificationError
	var name x509.HostnameError
	return errors.As(err, &verification) || errors.As(err, &name)
}

// tlsFailure is what a failed handshake means for the attempt.
func tlsFailure(err error) failure {
	if isCertificate(err) {
		return failure{reply: mail.Reply{Code: 454, Enhanced: "4.7.5", Text: "certificate of the host cannot be verified"}, final: "5.7.5"}
	}
	return failure{reply: mail.Reply{Code: 454, Enhanced: "4.7.5", Text: "TLS handshake failed"}}
}

// tlsName is the version for the log: "TLS1.3", "" in the clear.
func tlsName(s *tls.ConnectionState) string {
	if s == nil {
		return ""
	}
	switch s.Version {
	case tls.VersionTLS13:
		return "TLS1.3"
	case tls.VersionTLS12:
		return "TLS1.2"
	}
	return tls.VersionName(s.Version)
}
