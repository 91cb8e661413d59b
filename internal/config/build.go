package config

import (
	"net/netip"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
)

// build turns decoded blocks into the Config and its Rules. It goes on after
// errors, so that all of them are told; what it builds then is not used.
func (l *loader) build() {
	c := l.config
	rules := &decide.Rules{Generation: c.Generation}
	c.Rules = rules
	l.buildRoot(rules)
	l.buildTables(rules)
	l.buildResolvers()
	l.buildRetries()
	l.buildTransports(rules)
	l.buildListeners(rules)
	l.buildDirectories(rules)
	l.buildDomains(rules)
	l.buildTemplates(rules)
	l.buildRules(rules)
	l.buildTenants(rules)
	l.buildRewrites(rules)
	l.buildSRS(rules)
	l.buildLists(rules)
	l.buildLog()
	l.relayNetworks(rules)
	l.openRelay(rules)
	l.serving()
}

func (l *loader) buildRoot(rules *decide.Rules) {
	c, b := l.config, l.root
	c.Hostname = get[mail.Domain](b, "hostname")
	c.Data = get[filePath](b, "data").path
	c.Addresses = get[[]netip.Addr](b, "addresses")
	c.MinFree = get[int64](b, "min_free")
	rules.Hostname = c.Hostname
	rules.Postmaster = get[mail.Address](b, "postmaster")
	rules.Limits.MaxReceived = get[int](b, "max_received")
}

// serving tells what a server cannot run without.
func (l *loader) serving() {
	say := l.warnf
	if l.opts.Serving {
		say = l.errorf
	}
	for _, name := range []string{"hostname", "data"} {
		if !l.root.given(name) {
			say(l.root.at, "there is no %s, which serve needs", name)
		}
	}
	if len(l.blocks["listener"]) == 0 {
		say(l.root.at, "there is no listener, so that no mail comes in")
	}
}

func (l *loader) buildResolvers() {
	l.config.Resolvers = map[string]*Resolver{}
	for _, b := range l.withDefault("resolver") {
		r := &Resolver{
			Name: b.name, Source: sourceOf(b),
			Servers: get[[]string](b, "servers"),
			TrustAD: get[string](b, "dnssec") == "trust-ad",
			Timeout: get[time.Duration](b, "timeout"),
		}
		l.positive(b, "timeout")
		if b.given("servers") && len(r.Servers) == 0 && !b.bad {
			l.errorf(b.place("servers"), "an empty list of servers").detail("leave it out for the system's")
		}
		l.config.Resolvers[r.Name] = r
	}
}

func (l *loader) buildRetries() {
	l.config.Retries = map[string]*Retry{}
	for _, b := range l.withDefault("retry") {
		r := &Retry{
			Name: b.name, Source: sourceOf(b),
			After: get[[]time.Duration](b, "after"), Then: get[time.Duration](b, "then"),
			Warn: get[time.Duration](b, "warn"), GiveUp: get[time.Duration](b, "give_up"),
		}
		l.positive(b, "then", "give_up")
		for _, d := range r.After {
			if d == 0 {
				l.errorf(b.place("after"), "a wait in after cannot be zero")
				break
			}
		}
		if r.Warn >= r.GiveUp && b.given("warn") && !b.bad {
			l.errorf(b.place("warn"), "warn comes after give_up, so that nobody would be told of a delay").detail(`write warn = "0s" for that`)
		}
		l.config.Retries[r.Name] = r
	}
}

// withDefault gives the blocks of a type, and one named "default" that holds the
// defaults when none stands there.
func (l *loader) withDefault(typ string) []*block {
	blocks := l.blocks[typ]
	if l.declared[typ]["default"] != nil {
		return blocks
	}
	spec := findSpec(l.schema.blocks, typ)
	b := &block{spec: spec, name: "default", values: map[string]value{}}
	for i, f := range spec.fields {
		if f.def != "" {
			b.values[f.name] = value{v: l.defaultOf(&spec.fields[i])}
		}
	}
	return append([]*block{b}, blocks...)
}

func sourceOf(b *block) string {
	if b.at.Filename == "" {
		return builtinSource
	}
	return b.source()
}

func (l *loader) buildLog() {
	spec := findSpec(l.schema.blocks, "log")
	b := &block{spec: spec, values: map[string]value{}}
	for i := range spec.fields {
		b.values[spec.fields[i].name] = value{v: l.defaultOf(&spec.fields[i])}
	}
	for _, b = range l.blocks["log"] {
	}
	l.config.Log = Log{Format: get[string](b, "format"), Level: get[string](b, "level")}
}

// compile makes the Snapshot.
func (l *loader) compile() {
	snapshot, err := decide.Compile(l.config.Rules)
	if err != nil {
		l.errorf(hcl.Range{}, "the rules do not compile: %v", err)
		return
	}
	l.config.Snapshot = snapshot
}
