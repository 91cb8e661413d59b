package config

import (
	"crypto/tls"
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// ErrNotPlain is why a file is not read that is none.
var ErrNotPlain = errors.New("not a plain file")

// ReadPlain reads a file that a configuration names whole. What is no plain file
// is not waited for: a named pipe would hold whoever opens it.
func ReadPlain(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: path, Err: ErrNotPlain}
	}
	return io.ReadAll(f)
}

// KeyFile is the file in which the key stands.
func (f CertificateFile) KeyFile() string {
	if f.Key == "" {
		return f.Chain
	}
	return f.Key
}

// Read gives the certificate with its key.
func (f CertificateFile) Read() (tls.Certificate, error) {
	chain, err := ReadPlain(f.Chain)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := ReadPlain(f.KeyFile())
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(chain, key)
}
