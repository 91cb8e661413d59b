package server

import (
	"slices"
	"sync"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/dns"
)

const defaultName = "default"

// newResolver is the resolver of the real network.
func newResolver(r config.Resolver) dns.Resolver {
	return dns.New(dns.Options{Servers: r.Servers, TrustAD: r.TrustAD, Timeout: r.Timeout})
}

// resolvers has one resolver for each resolver block. Those whose block did not
// change live on over a reload, with what they know.
type resolvers struct {
	make func(config.Resolver) dns.Resolver

	mu     sync.Mutex // guards byName
	byName map[string]resolver
}

type resolver struct {
	made dns.Resolver
	from config.Resolver
}

func newResolvers(make func(config.Resolver) dns.Resolver) *resolvers {
	return &resolvers{make: make}
}

// update makes the set that of a configuration.
func (r *resolvers) update(c *config.Config) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := make(map[string]resolver, len(c.Resolvers))
	for name, block := range c.Resolvers {
		old, there := r.byName[name]
		if !there || !sameResolver(old.from, *block) {
			old = resolver{made: r.make(*block), from: *block}
		}
		next[name] = old
	}
	r.byName = next
}

func sameResolver(a, b config.Resolver) bool {
	return a.TrustAD == b.TrustAD && a.Timeout == b.Timeout && slices.Equal(a.Servers, b.Servers)
}

// get gives the resolver of that name; a name that a reload took away, and "",
// give the default one.
func (r *resolvers) get(name string) dns.Resolver {
	r.mu.Lock()
	defer r.mu.Unlock()
	if found, ok := r.byName[name]; ok {
		return found.made
	}
	return r.byName[defaultName].made
}
