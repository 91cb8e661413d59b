package config

import (
	"strings"

	"github.com/postroad/postroad/internal/table/redis"
)

// Redis is what is read of Redis.
type Redis struct {
	URL     string
	CA      string // file; "": the system's
	User    string
	Pass    *Secret // nil: none
	Command string  // get, hget, smembers
	Key     string  // name of what is read; {key} stands for the key
	Field   string  // of the hash; {key} stands for the key
}

func redisFields() []field {
	return remoteFields(
		field{name: "url", typ: typeText, required: true, doc: "`redis://host:6379/0`, `rediss://…` for TLS, or `unix:///run/redis.sock?db=0`.", example: `"redis://10.0.0.7"`},
		field{name: "command", typ: typeWord, words: []string{"get", "hget", "smembers"}, def: `"get"`, doc: "`get` reads a string, `hget` a field of a hash, `smembers` a set.", example: `"hget"`},
		field{name: "key", typ: typeText, def: `"{key}"`, doc: "What is read, with `{key}` for the key that is looked up.", example: `"alias:{key}"`},
		field{name: "field", typ: typeText, doc: "With `hget`: the field, with `{key}` for the key.", example: `"{key}"`},
		field{name: "user", typ: typeText, doc: "Who logs in. Absent: the default user.", example: `"postroad"`},
		field{name: "pass", typ: typeSecret, doc: "Its password, read at each new connection.", example: `env("REDIS_PASS")`},
		caField(),
	)
}

func (l *loader) redisTable(b *block, r *Remote) {
	d := &Redis{
		URL: l.redisURL(b), CA: l.ca(b), User: get[string](b, "user"), Pass: get[*Secret](b, "pass"),
		Command: get[string](b, "command"), Key: get[string](b, "key"), Field: get[string](b, "field"),
	}
	r.Redis = d
	if b.bad {
		return
	}
	l.needSecret(b, "pass", d.Pass)
	if d.User != "" && d.Pass == nil {
		l.errorf(b.place("user"), "a user without a password")
	}
	l.redisName(b, d)
}

// redisURL is that of a server or of its socket, with a database.
func (l *loader) redisURL(b *block) string {
	u, errors := get[string](b, "url"), l.errors
	if !strings.HasPrefix(u, "unix:") {
		u = l.url(b, "url", "rediss", "redis")
	}
	if _, _, err := redis.Parse(u); err != nil && !b.bad && l.errors == errors {
		l.errorf(b.place("url"), "%v", err)
	}
	return u
}

// redisName holds that the key is asked for.
func (l *loader) redisName(b *block, d *Redis) {
	hash := d.Command == "hget"
	switch {
	case hash && d.Field == "":
		l.errorf(b.place("command"), "hget without a field").detail(`as key = "aliases", field = "{key}"`)
	case !hash && d.Field != "":
		l.errorf(b.place("field"), "only hget has a field")
	case !strings.Contains(d.Key+d.Field, keyMark):
		l.errorf(b.place("key"), "the key is not asked for").detail("%s stands for it", keyMark)
	}
}
