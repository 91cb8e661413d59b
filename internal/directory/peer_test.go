package directory

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/table/remote"
	"github.com/postroad/postroad/internal/table/tabletest"
	"github.com/postroad/postroad/test/peer"
)

// peerTimeout is the time-out of directories in these tests.
const peerTimeout = time.Second

// visited is a server that a directory asks, with the password of ann.
type visited struct {
	*peer.Process
	wait     func() // until it can be asked
	password string
}

// away holds a directory against its server's end and its standstill: known and
// unknown names alike are "try later" within the time-out, side by side, then at
// once; and then all is as before.
func away(t *testing.T, dir *config.Directory, v visited) {
	t.Helper()
	a := ask(t, dir)
	here := func() {
		t.Helper()
		var all sync.WaitGroup
		all.Go(func() { a.expect("ann", v.password, "staff/ann") })
		all.Go(func() { a.expect("ann", "wrong", ErrWrong) })
		all.Go(func() { a.expect("nobody", v.password, ErrWrong) })
		all.Wait()
	}
	gone := func(how string) {
		t.Helper()
		begun := time.Now()
		answers := make(chan error, 8)
		for n := range 8 {
			go func() {
				_, err := a.try([]string{"ann", "nobody"}[n%2], []string{v.password, "wrong"}[n/2%2])
				answers <- err
			}()
		}
		for range 8 {
			if err := <-answers; !errors.Is(err, ErrUnavailable) {
				t.Errorf("%s: %v", how, err)
			}
		}
		if d := time.Since(begun); d > peerTimeout+2*time.Second {
			t.Errorf("%s: it took %v", how, d)
		}
		for _, name := range []string{"ann", "nobody"} {
			if _, err := a.try(name, v.password); !errors.Is(err, remote.ErrOpen) || !errors.Is(err, ErrUnavailable) {
				t.Errorf("%s: it is not left alone: %v", how, err)
			}
		}
	}
	back := func() {
		t.Helper()
		v.wait()
		peer.WaitFor(t, 15*time.Second, func() error { _, err := a.try("ann", v.password); return err })
		here()
	}
	here()
	v.Freeze()
	gone("frozen")
	v.Thaw()
	back()
	v.End()
	gone("ended")
	v.Start()
	back()
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	db := peer.StartPostgres(t)
	db.Exec("create table users (name text primary key, hash text)")
	db.Exec("insert into users values ('ann', $1)", argonPassword)
	dir := &config.Directory{Name: "staff", Kind: "sql", Connections: 4, Timeout: peerTimeout, SQL: &config.SQL{
		Driver: "postgres", DSN: &config.Secret{Text: db.DSN}, Query: "select hash from users where name = $1",
	}}
	hostile(t, dir, func(name string) { db.Exec("insert into users values ($1, $2)", name, argonPassword) })
	away(t, dir, visited{db.Process, db.Wait, "password"})
}

func TestMariaDB(t *testing.T) {
	t.Parallel()
	db := peer.StartMariaDB(t)
	db.Exec("create table users (name varbinary(255) primary key, hash text)")
	db.Exec("insert into users values ('ann', ?)", argonPassword)
	dir := &config.Directory{Name: "staff", Kind: "sql", Connections: 4, Timeout: peerTimeout, SQL: &config.SQL{
		Driver: "mysql", DSN: &config.Secret{Text: db.DSN}, Query: "select hash from users where name = ?",
	}}
	hostile(t, dir, func(name string) { db.Exec("insert into users values (?, ?)", name, argonPassword) })
	away(t, dir, visited{db.Process, db.Wait, "password"})
}

// hostile adds every second hostile name, and holds each against itself.
func hostile(t *testing.T, dir *config.Directory, add func(name string)) {
	t.Helper()
	var names []string
	for _, name := range tabletest.HostileKeys() {
		if plausible(Attempt{Name: name, Password: "x"}) {
			names = append(names, name)
		}
	}
	for i := 0; i < len(names); i += 2 {
		add(names[i])
	}
	a := ask(t, dir)
	for i, name := range names {
		a.from = everywhere(i)
		if i%2 == 0 {
			a.expect(name, "password", "staff/"+name)
		} else {
			a.expect(name, "password", ErrWrong)
		}
	}
	if len(names) < 200 {
		t.Errorf("only %d names", len(names))
	}
}

// person is an entry whose uid may be anything.
func person(n int, uid string) string {
	return fmt.Sprintf("dn: cn=p%d,ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\ncn: p%d\nsn: x\nuid:: %s\nuserPassword: password\n\n",
		n, n, base64.StdEncoding.EncodeToString([]byte(uid)))
}

func TestSlapd(t *testing.T) {
	t.Parallel()
	s := peer.StartSlapd(t, person(0, "ann")+person(1, "twin")+person(2, "twin")+
		"dn: uid=bob,ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\ncn: bob\nsn: x\nuid: bob\nuserPassword: password\n\n"+
		"dn: uid=mute,ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\ncn: mute\nsn: x\nuid: mute\n")
	search := &config.Directory{Name: "staff", Kind: "ldap", Connections: 4, Timeout: peerTimeout, LDAP: &config.LDAPLogin{
		LDAPServer: config.LDAPServer{URL: "ldap://" + s.Addr, User: "cn=reader,dc=example,dc=com", Pass: &config.Secret{Text: "reader"}},
		Base:       "ou=people,dc=example,dc=com", Filter: "(&(objectClass=person)(uid={name}))", Attribute: "uid",
	}}
	a := ask(t, search)
	a.expect("ANN", "password", "staff/ann") // as the entry spells it
	a.expect("twin", "password", ErrUnavailable)
	a.expect("mute", "password", ErrWrong)
	a.expect("*", "password", ErrWrong)
	a.expect("a*", "password", ErrWrong)
	a.expect("ann", "", ErrWrong) // an unauthenticated bind would succeed

	direct := *search
	direct.LDAP = &config.LDAPLogin{LDAPServer: config.LDAPServer{URL: "ldap://" + s.Addr}, Bind: "uid={name},ou=people,dc=example,dc=com"}
	b := ask(t, &direct)
	b.expect("bob", "password", "staff/bob")
	b.expect("bob", "wrong", ErrWrong)
	b.expect("bob", "", ErrWrong)
	b.expect("nobody", "password", ErrWrong)
	b.expect("mute", "password", ErrWrong)
	b.expect("bob,ou=people", "password", ErrWrong)

	for name, change := range map[string]func(*config.LDAPLogin){
		"the reader's password is wrong": func(l *config.LDAPLogin) { l.Pass = &config.Secret{Text: "other"} },
		"no such base":                   func(l *config.LDAPLogin) { l.Base = "ou=nowhere,dc=example,dc=com" },
		"no such attribute":              func(l *config.LDAPLogin) { l.Attribute = "telephoneNumber" },
		"no TLS there":                   func(l *config.LDAPLogin) { l.StartTLS = true },
		"a broken filter":                func(l *config.LDAPLogin) { l.Filter = "(uid={name}" },
	} {
		broken, def := *search, *search.LDAP
		change(&def)
		broken.LDAP = &def
		c := ask(t, &broken)
		if _, err := c.try("ann", "password"); err == nil || err == ErrWrong {
			t.Errorf("%s: %v", name, err)
		}
	}
	encrypted(t, s, search)
	away(t, search, visited{s.Process, s.Wait, "password"})
}

// encrypted asks over TLS, begun at once and by StartTLS; a server that another
// authority has signed is none.
func encrypted(t *testing.T, s *peer.Slapd, plain *config.Directory) {
	t.Helper()
	for name, change := range map[string]func(*config.LDAPLogin){
		"ldaps":    func(l *config.LDAPLogin) { l.URL = "ldaps://" + s.TLS },
		"StartTLS": func(l *config.LDAPLogin) { l.StartTLS = true },
	} {
		dir, def := *plain, *plain.LDAP
		change(&def)
		def.CA = s.CA
		dir.LDAP = &def
		a := ask(t, &dir)
		a.expect("ann", "password", "staff/ann")
		a.expect("ann", "wrong", ErrWrong)
		a.expect("nobody", "password", ErrWrong)
		for what, change := range map[string]func(*config.LDAPLogin){
			"another authority": func(l *config.LDAPLogin) { l.CA = "" },
			"another name":      func(l *config.LDAPLogin) { l.URL = strings.Replace(l.URL, "127.0.0.1", "localhost", 1) },
		} {
			other, def := dir, *dir.LDAP
			change(&def)
			other.LDAP = &def
			b := ask(t, &other)
			if _, err := b.try("ann", "password"); !errors.Is(err, ErrUnavailable) {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
	}
}

func TestHostileNamesInLDAP(t *testing.T) {
	t.Parallel()
	var entries strings.Builder
	n := 0
	seen := map[string]bool{}
	var in, out []string
	for i, name := range tabletest.HostileKeys() {
		fold := strings.ToLower(strings.Join(strings.Fields(name), " ")) // what LDAP takes for the same (RFC 4518)
		if !plausible(Attempt{Name: name, Password: "x"}) || seen[fold] || name != fold || !isPlainASCII(name) {
			continue
		}
		seen[fold] = true
		if i%2 == 0 {
			n++
			entries.WriteString(person(n, name))
			in = append(in, name)
		} else {
			out = append(out, name)
		}
	}
	s := peer.StartSlapd(t, entries.String())
	a := ask(t, &config.Directory{Name: "staff", Kind: "ldap", Connections: 4, Timeout: peerTimeout, LDAP: &config.LDAPLogin{
		LDAPServer: config.LDAPServer{URL: "ldap://" + s.Addr, User: "cn=reader,dc=example,dc=com", Pass: &config.Secret{Text: "reader"}},
		Base:       "ou=people,dc=example,dc=com", Filter: "(uid={name})", Attribute: "uid",
	}})
	for i, name := range in {
		a.from = everywhere(i)
		a.expect(name, "password", "staff/"+name)
	}
	answers := make(chan error)
	for i, name := range out {
		go func() {
			_, err := a.Verify(t.Context(), Attempt{Directories: a.dirs, Name: name, Password: "password", Client: netip.MustParseAddr(everywhere(i))})
			answers <- err
		}()
	}
	for range out {
		if err := <-answers; err != ErrWrong {
			t.Errorf("a name that is not there: %v", err)
		}
	}
	if len(in)+len(out) < 150 {
		t.Errorf("only %d names", len(in)+len(out))
	}
}

func isPlainASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > 0x7e }) < 0
}

func TestDovecot(t *testing.T) {
	t.Parallel()
	d := peer.StartDovecot(t, "ann")
	dir := &config.Directory{Name: "staff", Kind: "dovecot", Connections: 16, Timeout: peerTimeout, Address: d.Auth}
	a := ask(t, dir)
	a.expect("ann", "x", "staff/ann") // the peer's password
	a.expect("ANN", "x", "staff/ann")
	a.expect("ann", "wrong", ErrWrong)
	a.expect("nobody", "x", ErrWrong)
	done := make(chan error)
	for range 8 { // side by side, over connections of their own
		go func() { _, err := a.try("ann", "x"); done <- err }()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	for _, name := range tabletest.HostileKeys()[:12] {
		go func() {
			_, err := a.try(name, "x")
			if err == ErrWrong {
				done <- nil
				return
			}
			done <- fmt.Errorf("%q: %v", name, err)
		}()
	}
	for range 12 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	away(t, dir, visited{d.Process, func() { peer.WaitFor(t, 10*time.Second, func() error { return peer.Accepts(d.Auth) }) }, "x"})
}
