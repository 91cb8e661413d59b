package config

import (
	"reflect"
	"time"

	"github.com/postroad/postroad/internal/decide"
)

// Directory is a source of logins.
type Directory struct {
	Name    string
	Source  string
	Kind    string        // file
	Timeout time.Duration // for one answer; 0: none
	Cache   time.Duration // how long a yes is believed; 0: not at all

	Path string // file: name:hash a line; $argon2id$… or $2y$…
}

// Equal tells whether two definitions mean the same directory.
func (d *Directory) Equal(other *Directory) bool {
	a, b := *d, *other
	a.Source, b.Source = "", "" // a line above it changes nothing
	return reflect.DeepEqual(a, b)
}

func (l *loader) buildDirectories(rules *decide.Rules) {
	l.config.Directories = map[string]*Directory{}
	for _, b := range l.blocks["directory"] {
		l.config.Directories[b.name] = l.directory(b)
		d := decide.Directory{Name: b.name, Tenant: b.tenant, Owns: decide.NoTable, Source: b.source()}
		if b.given("owns") {
			t := get[ref](b, "owns")
			d.Owns = l.tableID(t)
			if t.typ != "" {
				l.fits(t, useOf("owns"))
			}
		}
		rules.Directories = append(rules.Directories, d)
	}
}

func (l *loader) directory(b *block) *Directory {
	d := &Directory{
		Name: b.name, Source: b.source(), Kind: b.kind.name,
		Timeout: get[time.Duration](b, "timeout"), Cache: get[time.Duration](b, "cache"),
	}
	l.positive(b, "timeout")
	if d.Cache > maxCache {
		l.errorf(b.place("cache"), "a password that was changed would be good for too long").detail("at most 1h")
	}
	path := get[filePath](b, "path")
	l.needFile(b, "path", path)
	d.Path = path.path
	return d
}

// maxCache bounds how long a directory is believed that may have changed its mind.
const maxCache = time.Hour
