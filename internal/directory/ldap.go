package directory

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/postroad/postroad/internal/config"
)

var errEntries = errors.New("the filter finds more than one entry")

// tree answers by binding as the user (RFC 4511 s4.2): by a DN that the name is
// filled into, or by one that a search finds. A connection is for one attempt, as
// a bind changes whose it is.
type tree struct {
	def *config.LDAPLogin
}

func newTree(dir *config.Directory) *tree { return &tree{def: dir.LDAP} }

func (t *tree) close() {}

func (t *tree) verify(ctx context.Context, a Attempt) (string, error) {
	conn, err := t.connect(ctx)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if t.def.Bind != "" {
		dn := strings.ReplaceAll(t.def.Bind, config.PlaceName, ldap.EscapeDN(a.Name))
		return a.Name, answerOf(conn.Bind(dn, a.Password))
	}
	return t.searchAndBind(conn, a)
}

// searchAndBind finds the entry of the name first. A name that is not there costs
// a second bind as well, of an entry that is not there.
func (t *tree) searchAndBind(conn *ldap.Conn, a Attempt) (string, error) {
	if err := t.introduce(conn); err != nil {
		return "", err
	}
	filter := strings.ReplaceAll(t.def.Filter, config.PlaceName, ldap.EscapeFilter(a.Name))
	attribute := t.def.Attribute
	if attribute == "" {
		attribute = "1.1" // RFC 4511 s4.5.1.8: none
	}
	found, err := conn.Search(ldap.NewSearchRequest(t.def.Base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 2, 0, false, filter, []string{attribute}, nil))
	switch {
	case ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded), err == nil && len(found.Entries) > 1:
		return "", errEntries
	case err != nil:
		return "", plainLDAP(err)
	case len(found.Entries) == 0:
		if err := answerOf(conn.Bind("cn=nobody,"+t.def.Base, a.Password)); err != nil {
			return "", err
		}
		return "", ErrWrong // an entry of that name says nothing of this one
	}
	entry := found.Entries[0]
	name := a.Name
	if t.def.Attribute != "" {
		if name = entry.GetAttributeValue(t.def.Attribute); name == "" {
			return "", fmt.Errorf("the entry has no %s", t.def.Attribute)
		}
	}
	return name, answerOf(conn.Bind(entry.DN, a.Password))
}

// introduce binds as who may search; without one it searches as nobody.
func (t *tree) introduce(conn *ldap.Conn) error {
	if t.def.User == "" {
		return nil
	}
	pass, err := t.def.Pass.Read()
	if err != nil {
		return err
	}
	return plainLDAP(conn.Bind(t.def.User, pass))
}

// connect makes a connection on which nothing lasts longer than ctx.
func (t *tree) connect(ctx context.Context) (*ldap.Conn, error) {
	u, err := url.Parse(t.def.URL)
	if err != nil {
		return nil, err
	}
	raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", withPort(u, map[string]string{"ldap": "389", "ldaps": "636"}[u.Scheme]))
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = raw.SetDeadline(deadline)
	}
	settings, err := tlsSettings(u.Hostname(), t.def.CA)
	if err != nil {
		raw.Close()
		return nil, err
	}
	wire := raw
	if u.Scheme == "ldaps" {
		wire = tls.Client(raw, settings)
	}
	conn := ldap.NewConn(wire, u.Scheme == "ldaps")
	conn.Start()
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetTimeout(time.Until(deadline))
	}
	if t.def.StartTLS {
		if err := conn.StartTLS(settings); err != nil {
			conn.Close()
			return nil, plainLDAP(err)
		}
	}
	return conn, nil
}

// answerOf is what the server says of a bind as the user. An entry that is not
// there or has no password is a no; every other error is none (RFC 4511 s4.1.9).
func answerOf(err error) error {
	if ldap.IsErrorAnyOf(err, ldap.LDAPResultInvalidCredentials, ldap.LDAPResultNoSuchObject, ldap.LDAPResultInappropriateAuthentication) {
		return ErrWrong
	}
	return plainLDAP(err)
}

// plainLDAP keeps what a server says about names out of the log: only the code.
func plainLDAP(err error) error {
	var e *ldap.Error
	if errors.As(err, &e) && e.ResultCode < ldap.ErrorNetwork {
		return fmt.Errorf("the server answers %d %s", e.ResultCode, ldap.LDAPResultCodeMap[e.ResultCode])
	}
	return err
}
