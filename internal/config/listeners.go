package config

import (
	"net/netip"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/postroad/postroad/internal/decide"
)

// buildListeners builds the doors.
func (l *loader) buildListeners(rules *decide.Rules) {
	taken := map[string]hcl.Range{}
	for _, b := range l.blocks["listener"] {
		li := l.listener(b)
		l.binds(b, taken)
		l.config.Listeners = append(l.config.Listeners, li)
		rules.Listeners = append(rules.Listeners, decide.Listener{Name: li.Name, Login: li.Login,
			LoginOptional: li.LoginOptional, Client: li.Client, Source: li.Source})
	}
	for _, b := range l.blocks["console"] {
		l.binds(b, taken)
		l.config.Console = &Console{Bind: get[[]string](b, "bind")}
	}
}

func (l *loader) listener(b *block) *Listener {
	li := &Listener{
		Name: b.name, Source: b.source(),
		Bind:           get[[]string](b, "bind"),
		MaxMessageSize: get[int64](b, "max_message_size"),
		MaxRecipients:  get[int](b, "max_recipients"),
		LoginOptional:  get[bool](b, "login_optional"),
		Client:         get[[]netip.Prefix](b, "client"),
		Repair:         get[string](b, "bare_newlines") == "repair",
		MaxConnections: get[int](b, "max_connections"),
		MaxPerClient:   get[int](b, "max_per_client"),
		Timeout:        get[time.Duration](b, "timeout"),
		DataTimeout:    get[time.Duration](b, "data_timeout"),
		MaxErrors:      get[int](b, "max_errors"),
	}
	for _, r := range get[[]ref](b, "login") {
		li.Login = append(li.Login, r.name)
	}
	l.certificates(b, li)
	l.positive(b, "timeout", "data_timeout")
	if b.given("client") && len(li.Client) == 0 && !b.bad {
		l.errorf(b.place("client"), "an empty client lets nobody connect")
	}
	if b.given("login_optional") && !b.given("login") {
		l.errorf(b.place("login_optional"), "login_optional without login")
	}
	if len(li.Login) > 0 && li.TLS == TLSNone && !b.bad {
		l.errorf(b.place("login"), "login needs TLS: a password never crosses the wire in clear").
			detail("name a certificate, and tls if it is \"none\"")
	}
	return li
}

// certificates pairs certificates with keys and settles the TLS mode.
func (l *loader) certificates(b *block, li *Listener) {
	chains, keys := get[[]filePath](b, "certificate"), get[[]filePath](b, "key")
	for _, c := range chains {
		l.needFile(b, "certificate", c)
		li.Certificates = append(li.Certificates, CertificateFile{Chain: c.path})
	}
	if len(keys) > 0 && len(keys) != len(chains) {
		l.errorf(b.place("key"), "%d keys for %d certificates", len(keys), len(chains))
		keys = nil
	}
	for i, k := range keys {
		l.needFile(b, "key", k)
		li.Certificates[i].Key = k.path
	}
	switch word := get[string](b, "tls"); {
	case word != "":
		li.TLS = tlsMode(word)
	case len(chains) > 0:
		li.TLS = TLSOffer
	}
	if li.TLS != TLSNone && len(chains) == 0 && !b.given("certificate") && !b.bad {
		l.errorf(b.place("tls"), "tls = %q needs a certificate", get[string](b, "tls"))
	}
	if li.TLS == TLSNone && len(chains) > 0 {
		l.warnf(b.place("certificate"), "the certificate is not used with tls = \"none\"")
	}
}

func tlsMode(word string) TLSMode {
	return map[string]TLSMode{"none": TLSNone, "offer": TLSOffer, "require": TLSRequire, "verify": TLSVerify, "implicit": TLSImplicit}[word]
}

// binds refuses an address that is taken by another block. Port 0 is any free one.
func (l *loader) binds(b *block, taken map[string]hcl.Range) {
	binds := get[[]string](b, "bind")
	if b.given("bind") && len(binds) == 0 && !b.bad {
		l.errorf(b.place("bind"), "an empty bind")
	}
	for _, a := range binds {
		if strings.HasSuffix(a, ":0") {
			continue
		}
		if first, twice := taken[a]; twice {
			l.errorf(b.place("bind"), "%s is bound a second time", a).detail("first at %s", where(first))
			continue
		}
		taken[a] = b.place("bind")
	}
}

// positive refuses durations of zero.
func (l *loader) positive(b *block, names ...string) {
	for _, name := range names {
		if v := b.values[name]; v.given && v.v == time.Duration(0) {
			l.errorf(v.at, "%s cannot be zero", name)
		}
	}
}
