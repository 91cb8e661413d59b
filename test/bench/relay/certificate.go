package main

import (
	"crypto/tls"

	"github.com/postroad/postroad/internal/lab"
)

// makeCertificate writes a certificate and its key to a file in dir that all
// servers read, and gives what the sink needs of it.
func makeCertificate(dir string) (file string, secure *tls.Config, err error) {
	ca, err := lab.NewCA()
	if err != nil {
		return "", nil, err
	}
	if file, err = ca.WriteFile(dir, "relay.test"); err != nil {
		return "", nil, err
	}
	pair, err := tls.LoadX509KeyPair(file, file)
	return file, &tls.Config{Certificates: []tls.Certificate{pair}}, err
}
