package peer

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Slapd is a running OpenLDAP server with the tree dc=example,dc=com.
type Slapd struct {
	*Process
	Dir  string
	Addr string
}

const slapdConf = `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile %[1]s/pid
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
suffix "dc=example,dc=com"
rootdn "cn=admin,dc=example,dc=com"
rootpw admin
directory %[1]s/data
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="cn=reader,dc=example,dc=com" read by * none
`

const slapdTree = `dn: dc=example,dc=com
objectClass: dcObject
objectClass: organization
dc: example
o: example

dn: ou=people,dc=example,dc=com
objectClass: organizationalUnit
ou: people

dn: cn=reader,dc=example,dc=com
objectClass: person
cn: reader
sn: reader
userPassword: reader

`

// StartSlapd starts Debian's slapd with more entries as LDIF. Who binds as
// cn=reader,dc=example,dc=com with "reader" may search.
func StartSlapd(t *testing.T, ldif string) *Slapd {
	t.Helper()
	Need(t, "/usr/sbin/slapd", "slapadd")
	s := &Slapd{Dir: Dir(t), Addr: FreePort(t)}
	if err := os.Mkdir(filepath.Join(s.Dir, "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	conf := Write(t, s.Dir, "slapd.conf", fmt.Sprintf(slapdConf, s.Dir))
	add := exec.Command("slapadd", "-f", conf)
	add.Stdin = strings.NewReader(slapdTree + ldif)
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("slapadd: %v\n%s", err, out)
	}
	Run(t, "chown", "-R", "openldap", s.Dir)
	s.Process = StartProcess(t, Program{Dir: s.Dir, User: "openldap", End: syscall.SIGTERM,
		Args: []string{"/usr/sbin/slapd", "-d", "0", "-f", conf, "-h", "ldap://" + s.Addr}})
	s.Wait()
	return s
}

// Wait waits until the server takes connections.
func (s *Slapd) Wait() {
	s.t.Helper()
	WaitFor(s.t, 15*time.Second, func() error { return Accepts(s.Addr) })
}
