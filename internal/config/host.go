package config

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/postroad/postroad/internal/mail"
)

// parseHost reads a host of a transport and gives it in one form: "host:port",
// "[v6]:port", "mx:name", "mx:name:port", "unix:/path". port is the one to add
// where none is written.
func parseHost(s, kind, port string) (string, error) {
	if path, is := strings.CutPrefix(s, "unix:"); is {
		if kind != "lmtp" {
			return "", fmt.Errorf("%q: only lmtp speaks over a socket file", s)
		}
		if !strings.HasPrefix(path, "/") {
			return "", fmt.Errorf("%q: the path of a socket file starts with /", s)
		}
		return s, nil
	}
	if name, is := strings.CutPrefix(s, "mx:"); is {
		if kind != "smtp" {
			return "", fmt.Errorf("%q: only smtp goes to the MX of a name", s)
		}
		return parseMXName(s, name)
	}
	host, given, err := splitPort(s)
	if err != nil {
		return "", err
	}
	if given != "" {
		port = given
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return net.JoinHostPort(a.String(), port), nil
	}
	d, err := mail.ParseDomain(host)
	if err != nil || allDigits(host) {
		return "", errUnit(s, `host, as "mail.example.com:25" or "[2001:db8::1]:25"`)
	}
	return net.JoinHostPort(string(d), port), nil
}

func parseMXName(s, name string) (string, error) {
	name, port, err := splitPort(name)
	if err != nil {
		return "", err
	}
	d, err := mail.ParseDomain(name)
	if _, literal := d.Literal(); err != nil || literal || allDigits(name) {
		return "", errUnit(s, `name with an MX, as "mx:example.com"`)
	}
	if port != "" {
		return "mx:" + string(d) + ":" + port, nil
	}
	return "mx:" + string(d), nil
}

// splitPort splits "host", "host:port", "[v6]", "[v6]:port" and a bare v6.
func splitPort(s string) (host, port string, err error) {
	if strings.Count(s, ":") > 1 && !strings.HasPrefix(s, "[") {
		if _, err := netip.ParseAddr(s); err != nil {
			return "", "", fmt.Errorf("%q: an IPv6 address with a port is written in brackets, as \"[2001:db8::1]:25\"", s)
		}
		return s, "", nil
	}
	host = s
	if i := strings.LastIndexByte(s, ':'); i > strings.LastIndexByte(s, ']') {
		host, port = s[:i], s[i+1:]
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "", "", fmt.Errorf("%q: %q is no port", s, port)
		}
	}
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		host = host[1 : len(host)-1]
		if a, err := netip.ParseAddr(host); err != nil || !a.Is6() {
			return "", "", fmt.Errorf("%q: in brackets stands an IPv6 address", s)
		}
	}
	return host, port, nil
}

// allDigits tells apart what looks like a broken IPv4 address: no name ends in a
// label of digits.
func allDigits(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	_, err := strconv.ParseUint(last, 10, 64)
	return err == nil
}

// parseBind reads an address to listen on. Port 0 takes any free one.
func parseBind(s string) (string, error) {
	const form = `address and port to listen on, as "0.0.0.0:25" or "[::]:25"`
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return "", errUnit(s, form)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", errUnit(s, form)
	}
	if host != "" {
		if _, err := netip.ParseAddr(host); err != nil {
			return "", errUnit(s, form)
		}
	}
	return net.JoinHostPort(host, port), nil
}

// parseServer reads the address of a DNS server; port 53 where none is written.
func parseServer(s string) (string, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.AddrPortFrom(a, 53).String(), nil
	}
	a, err := netip.ParseAddrPort(s)
	if err != nil || a.Port() == 0 {
		return "", errUnit(s, `address of a DNS server, as "127.0.0.1:53"`)
	}
	return a.String(), nil
}
