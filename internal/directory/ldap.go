package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/postroad/postroad/internal/config"
	ldaptable "github.com/postroad/postroad/internal/table/ldap"
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
	name := a.Name
	err = conn.Within(ctx, func() (err error) {
		if t.def.Bind == "" {
			name, err = t.searchAndBind(conn, a)
			return err
		}
		dn := strings.ReplaceAll(t.def.Bind, config.PlaceName, ldap.EscapeDN(a.Name))
		return answerOf(conn.Bind(dn, a.Password))
	})
	return name, err
}

// searchAndBind finds the entry of the name first. A name that is not there costs
// a second bind as well, of an entry that is not there.
func (t *tree) searchAndBind(conn *ldaptable.Conn, a Attempt) (string, error) {
	filter := strings.ReplaceAll(t.def.Filter, config.PlaceName, ldap.EscapeFilter(a.Name))
	attribute := t.def.Attribute
	if attribute == "" {
		attribute = "1.1" // RFC 4511 s4.5.1.8: none
	}
	found, err := conn.Search(ldap.NewSearchRequest(t.def.Base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 2, 0, false, filter, []string{attribute}, nil))
	switch {
	case ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded), err == nil && len(found.Entries) > 1:
		return "", oddAnswer{errEntries}
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
			return "", oddAnswer{fmt.Errorf("the entry has no %s", t.def.Attribute)}
		}
	}
	return name, answerOf(conn.Bind(entry.DN, a.Password))
}

// connect makes a connection that is bound as who may search, or as nobody; nothing
// on it lasts longer than ctx.
func (t *tree) connect(ctx context.Context) (*ldaptable.Conn, error) {
	server, err := ldaptable.Parse(t.def.URL)
	if err != nil {
		return nil, err
	}
	server.Roots = t.def.CA
	return ldaptable.Server{Server: server, StartTLS: t.def.StartTLS, User: t.def.User, Password: t.def.Pass.Read}.Connect(ctx)
}

// answerOf is what the server says of a bind as the user. An entry that is not
// there or has no password is a no; every other error is none (RFC 4511 s4.1.9).
func answerOf(err error) error {
	if ldap.IsErrorAnyOf(err, ldap.LDAPResultInvalidCredentials, ldap.LDAPResultNoSuchObject, ldap.LDAPResultInappropriateAuthentication) {
		return ErrWrong
	}
	return plainLDAP(err)
}

// plainLDAP keeps what a server says about names out of the log. A server that says
// something is there.
func plainLDAP(err error) error {
	var said *ldap.Error
	if errors.As(err, &said) && said.ResultCode < ldap.ErrorNetwork {
		return oddAnswer{ldaptable.Plain(err)}
	}
	return ldaptable.Plain(err)
}
