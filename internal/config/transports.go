package config

import (
	"net/netip"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
)

// builtinSource stands where a rule is the server's own.
const builtinSource = "builtin"

// localConnections bounds the attempts at once of what has no connections.
const localConnections = 20

// buildTransports builds the transports, then those that are always there.
func (l *loader) buildTransports(rules *decide.Rules) {
	l.config.Transports = map[string]*Transport{}
	for _, b := range l.blocks["transport"] {
		l.addTransport(b, b.source(), rules)
	}
	kinds := map[string]string{decide.BuiltinLMTP: "lmtp", decide.BuiltinError: "reject", decide.BuiltinDiscard: "discard"}
	for _, name := range builtinTransports() {
		kind := kinds[name]
		if kind == "" {
			kind = "mx"
		}
		spec := findSpec(l.schema.blocks, "transport")
		b := &block{spec: spec, kind: spec.kind(kind), name: name, values: map[string]value{}}
		for i, f := range b.kind.fields {
			if f.def != "" {
				b.values[f.name] = value{v: l.defaultOf(&b.kind.fields[i])}
			}
		}
		l.addTransport(b, builtinSource, rules)
	}
	for name, kind := range ownTransports() {
		b := &block{spec: findSpec(l.schema.blocks, "transport"), kind: &kindSpec{name: kind}, name: name}
		l.addTransport(b, builtinSource, rules)
	}
}

func (l *loader) addTransport(b *block, source string, rules *decide.Rules) {
	t := l.transport(b)
	t.Source = source
	l.config.Transports[t.Name] = t
	d := decide.Transport{Ref: decide.Ref{Name: t.Name, Source: source}, Tenant: b.tenant, Kind: t.Kind, Tiers: t.Tiers, Reply: t.Reply, Folders: t.Folders, Keep: t.KeepOriginal}
	if t.Kind == decide.KindSMTP || t.Kind == decide.KindLMTP {
		d.Balance = "failover"
		if drawn(t.Tiers) {
			d.Balance = "random"
		}
	}
	rules.Transports = append(rules.Transports, d)
}

// drawn tells whether the hosts of some tier are drawn by lot.
func drawn(tiers [][]string) bool {
	for _, t := range tiers {
		if len(t) > 1 {
			return true
		}
	}
	return false
}

func (l *loader) transport(b *block) *Transport {
	t := &Transport{
		Name: b.name, Kind: b.kind.name,
		Tiers: l.tiers(b), Port: get[int](b, "port"), Private: get[bool](b, "private"),
		Resolver: orDefault(get[ref](b, "resolver").name), Retry: orDefault(get[ref](b, "retry").name),
		TLS:            tlsMode(get[string](b, "tls")),
		Hostname:       get[mail.Domain](b, "hostname"),
		ConnectTimeout: get[time.Duration](b, "connect_timeout"),
		CommandTimeout: get[time.Duration](b, "command_timeout"),
		DataTimeout:    get[time.Duration](b, "data_timeout"),
		Connections:    get[int](b, "connections"), Reuse: get[bool](b, "reuse"),
		KeepOriginal: decide.Keep(get[string](b, "keep_original")),
	}
	if t.Connections == 0 {
		t.Connections = localConnections
	}
	l.positive(b, "connect_timeout", "command_timeout", "data_timeout")
	if t.Port > 65535 {
		l.errorf(b.place("port"), "%d is no port", t.Port)
	}
	l.sources(b, t)
	switch t.Kind {
	case decide.KindSMTP, decide.KindLMTP:
		l.credentials(b, t)
	case decide.KindMaildir:
		t.Path = l.maildir(b)
		t.Folders, t.CreateFolders = get[string](b, "folders") == "subaddress", get[bool](b, "create_folders")
		if t.CreateFolders && !t.Folders && !b.bad {
			l.errorf(b.place("create_folders"), `create_folders without folders = "subaddress"`)
		}
	case decide.KindWebhook:
		t.Webhook = l.webhook(b)
	case decide.KindPipe:
		t.Pipe = l.pipe(b)
	case decide.KindReject:
		t.Reply = l.rejection(b)
	}
	return t
}

func orDefault(name string) string {
	if name == "" {
		return "default"
	}
	return name
}

// tiers settles the order of a plain list: one host a tier for failover, one tier
// of all for random.
func (l *loader) tiers(b *block) [][]string {
	t := get[tiers](b, "to")
	balance := get[string](b, "balance")
	if t.nested && balance != "" {
		l.errorf(b.place("balance"), "balance has no meaning for tiers: random within one, the next when all of it fails")
	}
	if t.nested || balance != "random" {
		return t.hosts
	}
	var all []string
	for _, hosts := range t.hosts {
		all = append(all, hosts...)
	}
	return [][]string{all}
}

func (l *loader) sources(b *block, t *Transport) {
	for _, a := range get[[]netip.Addr](b, "source") {
		side := &t.Source6
		if a.Is4() {
			side = &t.Source4
		}
		if side.IsValid() {
			l.errorf(b.place("source"), "source takes one address of IPv4 and one of IPv6")
			return
		}
		*side = a
	}
}

func (l *loader) credentials(b *block, t *Transport) {
	if b.given("user") != b.given("pass") && !b.bad {
		l.errorf(b.at, "%s %q has one of user and pass, which belong together", b.title(), b.name)
	}
	t.User, t.Pass = get[string](b, "user"), get[*Secret](b, "pass")
	if t.Pass == nil {
		return
	}
	l.needSecret(b, "pass", t.Pass)
	if t.TLS == TLSNone || t.TLS == TLSOffer {
		at := b.place("tls")
		if !b.given("tls") {
			at = b.place("pass")
		}
		l.warnf(at, "no password goes to another machine in clear: with tls = %q mail may wait for ever", get[string](b, "tls")).
			hint(`write tls = "verify"`)
	}
}

// maildir holds the path against what the transport fills in.
func (l *loader) maildir(b *block) string {
	p := get[filePath](b, "path")
	at := b.place("path")
	for _, name := range placeholder().FindAllString(p.written, -1) {
		if name != "{domain}" && name != "{local}" {
			l.errorf(at, "there is no %s", name).hint(didYouMean(name, []string{"{domain}", "{local}"}, bare))
		}
	}
	for _, part := range strings.Split(p.written, "/") {
		if part == ".." {
			l.errorf(at, "the path of a maildir has no ..")
			break
		}
	}
	return path.Clean(p.path)
}

func placeholder() *regexp.Regexp { return regexp.MustCompile(`\{[^{}/]*\}`) }

// rejection is the reply of a reject transport.
func (l *loader) rejection(b *block) mail.Reply {
	r := mail.Reply{Code: get[int](b, "code"), Enhanced: get[string](b, "enhanced"), Text: l.replyText(b, "text")}
	if r.Code < 400 || r.Code > 599 {
		if !b.bad {
			l.errorf(b.place("code"), "%d is no code of a refusal, 400 to 599", r.Code)
		}
		return r
	}
	class := r.Code / 100
	if r.Enhanced == "" {
		r.Enhanced = map[int]string{4: "4.7.1", 5: "5.7.1"}[class]
	}
	if m := enhancedStatus().FindStringSubmatch(r.Enhanced); m == nil {
		l.errorf(b.place("enhanced"), "%q is no enhanced status, as \"5.7.1\"", r.Enhanced)
	} else if int(m[1][0]-'0') != class {
		l.errorf(b.place("enhanced"), "%s is not of the class of %d", r.Enhanced, r.Code)
	}
	return r
}

// enhancedStatus is RFC 3463 s2 for refusals.
func enhancedStatus() *regexp.Regexp {
	return regexp.MustCompile(`^([45])\.(?:0|[1-9][0-9]{0,2})\.(?:0|[1-9][0-9]{0,2})$`)
}
