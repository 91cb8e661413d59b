package server

import (
	"errors"
	"log/slog"
	"reflect"
	"slices"
	"time"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/table/dial"
	httptable "github.com/postroad/postroad/internal/table/http"
	"github.com/postroad/postroad/internal/table/ldap"
	"github.com/postroad/postroad/internal/table/postfix"
	"github.com/postroad/postroad/internal/table/redis"
	"github.com/postroad/postroad/internal/table/remote"
	"github.com/postroad/postroad/internal/table/sql"
)

// remoteKind is how tables of a kind are asked. open connects to nothing.
type remoteKind struct {
	name string
	open func(*config.Table) (remote.Asker, error)
}

// remoteKinds are all kinds of tables that are asked over something that can fail.
func remoteKinds() []remoteKind {
	return []remoteKind{
		{"sql", openSQL},
		{"redis", openRedis},
		{"ldap", openLDAP},
		{"http", openHTTP},
		{"socketmap", openPostfix},
		{"tcp", openPostfix},
	}
}

func openSQL(t *config.Table) (remote.Asker, error) {
	d := t.Remote.SQL
	return sql.New(sql.Options{Driver: d.Driver, DSN: d.DSN.Read, Query: d.Query, Connections: t.Remote.Connections})
}

func openRedis(t *config.Table) (remote.Asker, error) {
	d := t.Remote.Redis
	server, database, err := redis.Parse(d.URL)
	if err != nil {
		return nil, err
	}
	server.Roots = d.CA
	return redis.New(redis.Options{
		Server: server, Database: database, User: d.User, Password: reader(d.Pass),
		Command: d.Command, Name: d.Key, Field: d.Field,
		Timeout: t.Remote.Timeout, Connections: t.Remote.Connections,
	})
}

func openLDAP(t *config.Table) (remote.Asker, error) {
	d := t.Remote.LDAP
	server, err := ldap.Parse(d.URL)
	if err != nil {
		return nil, err
	}
	server.Roots = d.CA
	return ldap.New(ldap.Options{
		Server: ldap.Server{Server: server, StartTLS: d.StartTLS, User: d.User, Password: reader(d.Pass)},
		Base:   d.Base, Filter: d.Filter, Attributes: d.Attributes, Connections: t.Remote.Connections,
	})
}

func openHTTP(t *config.Table) (remote.Asker, error) {
	d := t.Remote.HTTP
	o := httptable.Options{URL: d.URL, Batch: d.Batch, Roots: d.CA, Token: reader(d.Secret), Connections: t.Remote.Connections}
	for _, h := range d.Headers {
		o.Headers = append(o.Headers, httptable.Header{Name: h.Name, Value: h.Value.Read})
	}
	return httptable.New(o)
}

func openPostfix(t *config.Table) (remote.Asker, error) {
	d := t.Remote.Postfix
	server, err := dial.ParseAddress(d.Address)
	if err != nil {
		return nil, err
	}
	if t.Kind == "tcp" {
		return postfix.NewTCP(server, t.Remote.Connections), nil
	}
	return postfix.NewSocketmap(server, d.Map, t.Remote.Connections), nil
}

// reader gives how a secret is read; nil for none.
func reader(s *config.Secret) func() (string, error) {
	if s == nil {
		return nil
	}
	return s.Read
}

// source is a remote table with the definition that it was opened by.
type source struct {
	*remote.Source
	definition *config.Table
}

// sourceOf gives the source of a table: the one of before when nothing but its
// place changed, so that connections and answers outlive a reload.
func sourceOf(t *config.Table, before []*source, log *slog.Logger) *source {
	i := slices.IndexFunc(before, func(s *source) bool {
		d := s.definition
		return d.Name == t.Name && d.Kind == t.Kind && reflect.DeepEqual(d.Remote, t.Remote)
	})
	if i >= 0 {
		return before[i]
	}
	r := t.Remote
	return &source{definition: t, Source: remote.New(asker(t), remote.Options{
		Name: t.Name, Kind: t.Kind, Timeout: r.Timeout, TTL: r.TTL, NegativeTTL: r.NegativeTTL,
		Stale: r.Stale, Connections: r.Connections, Cache: r.Cache, Log: log,
	})}
}

// asker opens a table by its kind. One that cannot be opened answers "try later".
func asker(t *config.Table) remote.Asker {
	err := errNoKind
	for _, k := range remoteKinds() {
		if k.name != t.Kind {
			continue
		}
		var a remote.Asker
		if a, err = k.open(t); err == nil {
			return a
		}
	}
	return remote.Unavailable(err)
}

var errNoKind = errors.New("server: a kind of table that nobody opens")

// linger is how long a source that no configuration names any more is kept for
// the transactions that pinned it. One that takes longer is deferred.
const linger = 10 * time.Minute

// retired holds sources that no configuration names any more.
type retired []retiredSource

type retiredSource struct {
	*source
	since time.Time
}

// take notes what the new generation does without, and closes what was noted
// long ago.
func (r *retired) take(before, now *generation, at time.Time) {
	for _, s := range before.sources {
		if !slices.Contains(now.sources, s) {
			*r = append(*r, retiredSource{s, at})
		}
	}
	*r = slices.DeleteFunc(*r, func(s retiredSource) bool {
		old := at.Sub(s.since) > linger
		if old {
			s.Close()
		}
		return old
	})
}

// close closes all.
func (r *retired) close() error {
	var all error
	for _, s := range *r {
		all = errors.Join(all, s.Close())
	}
	*r = nil
	return all
}

// close closes the generation's remote tables.
func (g *generation) close() error {
	var all error
	for _, s := range g.sources {
		all = errors.Join(all, s.Close())
	}
	return all
}
