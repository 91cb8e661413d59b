package receive

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/postroad/postroad/internal/config"
)

// recheckEvery is how long files of certificates are believed
// before they are looked at again.
const recheckEvery = time.Second

var errNoCertificate = errors.New("receive: listener has no certificate")

// certificates keeps the key pairs of all listeners and reads a file again when
// it changes. What is broken keeps the old pair and is told in the log.
type certificates struct {
	log *slog.Logger

	mu    sync.Mutex // guards what follows
	pairs map[config.CertificateFile]*keyPair
	made  map[string]*tls.Config // by listener, of generation
	of    *config.Config
}

type keyPair struct {
	cert    *tls.Certificate
	stamp   fileStamp // of chain and key as read
	checked time.Time
}

// fileStamp is what changes when a file does.
type fileStamp struct {
	chain, key time.Time
	size       int64
}

func newCertificates(log *slog.Logger) *certificates {
	return &certificates{log: log, pairs: map[config.CertificateFile]*keyPair{}}
}

// config gives the TLS configuration of a listener. One is made for each
// generation, so that session tickets outlive a connection.
func (c *certificates) config(gen *config.Config, door config.Listener) (*tls.Config, error) {
	if len(door.Certificates) == 0 {
		return nil, errNoCertificate
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of != gen {
		c.of, c.made = gen, map[string]*tls.Config{}
	}
	if made := c.made[door.Name]; made != nil {
		return made, nil
	}
	files := door.Certificates
	made := &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return c.choose(files, hello)
		},
	}
	if asksCertificate(gen) {
		// Any certificate will do: rules name it by its fingerprint.
		made.ClientAuth = tls.RequestClientCert
	}
	c.made[door.Name] = made
	return made, nil
}

// asksCertificate tells whether a rule looks at client certificates. Otherwise
// none is asked for, since some clients stumble over the question.
func asksCertificate(gen *config.Config) bool {
	if gen.Rules == nil {
		return false
	}
	for _, r := range gen.Rules.Relay {
		if len(r.Match.Certificate) > 0 {
			return true
		}
	}
	for _, r := range gen.Rules.Deny {
		if len(r.Match.Certificate) > 0 {
			return true
		}
	}
	return false
}

// choose gives the first certificate that is good for the name that the client
// asked for, or else the first of all.
func (c *certificates) choose(files []config.CertificateFile, hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	var first *tls.Certificate
	var fault error
	for _, f := range files {
		cert, err := c.load(f)
		if err != nil {
			fault = err
			continue
		}
		if first == nil {
			first = cert
		}
		if hello.SupportsCertificate(cert) == nil {
			return cert, nil
		}
	}
	if first == nil {
		return nil, fault
	}
	return first, nil
}

// load gives the pair, read again when its files have changed.
func (c *certificates) load(f config.CertificateFile) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.pairs[f]
	now := time.Now()
	if p != nil && now.Sub(p.checked) < recheckEvery {
		return p.cert, nil
	}
	stamp, err := stampOf(f)
	if p != nil && (err != nil || stamp == p.stamp) {
		p.checked = now // a file that is being replaced is not there for a moment
		return p.cert, nil
	}
	if err != nil {
		return nil, err
	}
	cert, err := f.Read()
	if err != nil && p == nil {
		return nil, fmt.Errorf("receive: certificate %s: %w", f.Chain, err)
	}
	if err != nil {
		c.log.Error("certificate is broken, the old one stays", "file", f.Chain, "error", err)
		p.stamp, p.checked = stamp, now
		return p.cert, nil
	}
	c.pairs[f] = &keyPair{cert: &cert, stamp: stamp, checked: now}
	return &cert, nil
}

func stampOf(f config.CertificateFile) (fileStamp, error) {
	chain, err := os.Stat(f.Chain)
	if err != nil {
		return fileStamp{}, err
	}
	key, err := os.Stat(f.KeyFile())
	if err != nil {
		return fileStamp{}, err
	}
	return fileStamp{chain: chain.ModTime(), key: key.ModTime(), size: chain.Size() + key.Size()}, nil
}
