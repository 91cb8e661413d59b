package server

import (
	"context"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/dns"
	"github.com/postroad/postroad/internal/spool"
)

// Options of a Server. Only ConfigPath must be set; the rest is for tests and the
// demo, and zero means the machine's own.
type Options struct {
	ConfigPath string // file or folder
	Version    string

	Output io.Writer    // of the log that the log block describes; nil: os.Stderr
	Log    *slog.Logger // instead of one by the log block

	Data     string                                              // instead of the configuration's data
	Listen   func(network, address string) (net.Listener, error) // net.Listen
	Spool    spool.Options                                       // Dir and Log are set by the server
	Resolver func(config.Resolver) dns.Resolver                  // dns.New
	Roots    *x509.CertPool                                      // for tls = "verify"
	Dial     func(ctx context.Context, network, address string, source netip.Addr) (net.Conn, error)
	// Interfaces gives the addresses of this machine; nil: net.InterfaceAddrs.
	Interfaces func() []netip.Addr
}

func (o Options) withDefaults() Options {
	if o.Output == nil {
		o.Output = os.Stderr
	}
	if o.Listen == nil {
		o.Listen = net.Listen
	}
	if o.Resolver == nil {
		o.Resolver = newResolver
	}
	return o
}
