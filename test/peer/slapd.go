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
	Addr string // StartTLS is offered
	TLS  string // from the first octet
	CA   string // file of the authority of its certificate, which is for 127.0.0.1
}

const slapdConf = `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile %[1]s/pid
TLSCertificateFile %[2]s
TLSCertificateKeyFile %[2]s
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
suffix "dc=example,dc=com"
rootdn "cn=admin,dc=example,dc=com"
rootpw admin
directory %[1]s/data
limits dn.exact="cn=reader,dc=example,dc=com" size.soft=20 size.hard=20 size.pr=20 size.prtotal=unlimited
access to attrs=userPassword by anonymous auth by * none
access to attrs=telephoneNumber by dn.exact="cn=reader,dc=example,dc=com" search by * none
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
// cn=reader,dc=example,dc=com with "reader" may search, gets 20 entries at once at most,
// and sees no telephoneNumber.
func StartSlapd(t *testing.T, ldif string) *Slapd {
	t.Helper()
	Need(t, "/usr/sbin/slapd", "slapadd")
	s := &Slapd{Dir: Dir(t), Addr: FreePort(t), TLS: FreePort(t)}
	if err := os.Mkdir(filepath.Join(s.Dir, "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	roots, certificate := Certificates(t, s.Dir)
	s.CA = roots
	conf := Write(t, s.Dir, "slapd.conf", fmt.Sprintf(slapdConf, s.Dir, certificate))
	add := exec.Command("slapadd", "-f", conf)
	add.Stdin = strings.NewReader(slapdTree + ldif)
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("slapadd: %v\n%s", err, out)
	}
	Run(t, "chown", "-R", "openldap", s.Dir)
	s.Process = StartProcess(t, Program{Dir: s.Dir, User: "openldap", End: syscall.SIGTERM,
		Args: []string{"/usr/sbin/slapd", "-d", "0", "-f", conf, "-h", "ldap://" + s.Addr + " ldaps://" + s.TLS}})
	s.Wait()
	return s
}

// Wait waits until the server takes connections.
func (s *Slapd) Wait() {
	s.t.Helper()
	WaitFor(s.t, 15*time.Second, func() error { return Accepts(s.Addr) })
}
