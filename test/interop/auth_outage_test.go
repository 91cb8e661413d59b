package interop

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/postroad/postroad/test/peer"
)

// authServer is a server that a directory asks; ann's password there is "x".
type authServer struct {
	*peer.Process
	directory string // kind and attributes
	wait      func() // until it takes connections
}

// A directory's server stands still and ends while clients log in: known and
// unknown names alike get 454 within the time-out, and nobody is told that his
// password is wrong; then all is as before.
func TestAuthWhileTheServerIsAway(t *testing.T) {
	for name, start := range map[string]func(*testing.T) authServer{
		"dovecot": dovecotLogins, "slapd": slapdLogins, "postgres": postgresLogins, "mariadb": mariaLogins,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			throughAuthOutages(t, start(t))
		})
	}
}

func dovecotLogins(t *testing.T) authServer {
	d := peer.StartDovecot(t, "ann")
	return authServer{d.Process, fmt.Sprintf("\"dovecot\" \"store\" {\n  address = %q", d.Auth), func() {}}
}

func slapdLogins(t *testing.T) authServer {
	s := peer.StartSlapd(t, entry("ann", [2]string{"uid", "ann"}, [2]string{"userPassword", "x"}))
	pass := peer.Write(t, peer.Dir(t), "pass", "reader\n")
	return authServer{s.Process, fmt.Sprintf(`"ldap" "store" {
  url    = "ldap://%s"
  user   = "cn=reader,dc=example,dc=com"
  pass   = file(%q)
  base   = %q
  filter = "(uid={name})"`, s.Addr, pass, peopleDN), s.Wait}
}

func postgresLogins(t *testing.T) authServer {
	return databaseLogins(t, peer.StartPostgres(t), "postgres", "$1", "insert into people values ('ann', $1)")
}

func mariaLogins(t *testing.T) authServer {
	return databaseLogins(t, peer.StartMariaDB(t), "mysql", "?", "insert into people values ('ann', ?)")
}

func databaseLogins(t *testing.T, d *peer.Database, driver, mark, insert string) authServer {
	hash, err := bcrypt.GenerateFromPassword([]byte("x"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	d.Exec("create table people (name varchar(80) primary key, hash text)")
	d.Exec(insert, string(hash))
	return authServer{d.Process, fmt.Sprintf("\"sql\" \"store\" {\n  driver = %q\n  dsn = %s\n  query = \"select hash from people where name = %s\"",
		driver, quoted(d.DSN), mark), d.Wait}
}

func throughAuthOutages(t *testing.T, s authServer) {
	t.Helper()
	dir, bind, subm := peer.Dir(t), peer.FreePort(t), peer.FreePort(t)
	_, certificate := peer.Certificates(t, dir)
	peer.StartPostroad(t, dir, head(dir, bind)+fmt.Sprintf(`
listener "submission" {
  bind        = [%q]
  tls         = "implicit"
  certificate = %q
  login       = [directory.store]
}
directory %s
  timeout = "1s"
}
relay "store" {
  login = [directory.store]
}
`, subm, certificate, s.directory), bind)
	client := byte(1)
	says := func(how, name, password string, want int) {
		t.Helper()
		begun := time.Now()
		client++ // none is throttled
		code, err := login(subm, client, name, password)
		if code != want {
			t.Errorf("%s: %s gets %d, want %d (%v)", how, name, code, want, err)
		}
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("%s: it took %v", how, took)
		}
	}
	here := func() {
		t.Helper()
		peer.WaitFor(t, 20*time.Second, func() error {
			code, err := login(subm, 250, "ann", "x")
			if code != 235 {
				return fmt.Errorf("%d %v", code, err)
			}
			return nil
		})
		says("here", "ann", "wrong", 535)
		says("here", "nobody", "x", 535)
	}
	gone := func(how string) {
		t.Helper()
		for range 3 { // beyond the breaker's five
			says(how, "ann", "x", 454)
			says(how, "nobody", "x", 454)
		}
	}
	here()
	s.Freeze()
	gone("frozen")
	s.Thaw()
	here()
	s.End()
	gone("ended")
	s.Start()
	s.wait()
	here()
}
