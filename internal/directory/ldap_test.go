package directory

import (
	"net"
	"sync"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/table/tabletest"
)

// tally is an LDAP server that knows uid=ann and its password, and counts what it is
// asked, by the kind of the operation.
type tally struct {
	url string

	mu   sync.Mutex // guards seen
	seen map[ber.Tag]int
}

func startTally(t *testing.T) *tally {
	t.Helper()
	s := &tally{seen: map[ber.Tag]int{}}
	s.url = "ldap://" + tabletest.Serve(t, "tcp", "127.0.0.1:0", s.serve)
	return s
}

func (s *tally) serve(c net.Conn) {
	for {
		p, err := ber.ReadPacket(c)
		if err != nil || len(p.Children) < 2 {
			return
		}
		op := p.Children[1]
		s.mu.Lock()
		s.seen[op.Tag]++
		s.mu.Unlock()
		for _, answer := range answersTo(op) {
			message := ber.NewSequence("")
			message.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, p.Children[0].Value, ""))
			message.AppendChild(answer)
			if _, err := c.Write(message.Bytes()); err != nil {
				return
			}
		}
	}
}

func answersTo(op *ber.Packet) []*ber.Packet {
	switch op.Tag {
	case ldap.ApplicationBindRequest:
		dn, password := op.Children[1].Data.String(), op.Children[2].Data.String()
		if (dn == "uid=ann,dc=x" || dn == "cn=reader") && password == "password" {
			return []*ber.Packet{ldapResult(ldap.ApplicationBindResponse, ldap.LDAPResultSuccess)}
		}
		return []*ber.Packet{ldapResult(ldap.ApplicationBindResponse, ldap.LDAPResultInvalidCredentials)}
	case ldap.ApplicationSearchRequest:
		done := ldapResult(ldap.ApplicationSearchResultDone, ldap.LDAPResultSuccess)
		if filter, _ := ldap.DecompileFilter(op.Children[6]); filter != "(uid=ann)" {
			return []*ber.Packet{done}
		}
		entry := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultEntry, nil, "")
		entry.AppendChild(ldapText("uid=ann,dc=x"))
		entry.AppendChild(ber.NewSequence(""))
		return []*ber.Packet{entry, done}
	}
	return nil
}

func ldapResult(tag ber.Tag, code int64) *ber.Packet {
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tag, nil, "")
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, code, ""))
	p.AppendChild(ldapText(""))
	p.AppendChild(ldapText(""))
	return p
}

func ldapText(s string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
}

// Who is not there costs the server what somebody with a wrong password costs it:
// as many searches, and as many binds.
func TestLDAPAsksAsMuchForUnknownNames(t *testing.T) {
	server := config.LDAPServer{User: "cn=reader", Pass: &config.Secret{Text: "password"}}
	for how, def := range map[string]config.LDAPLogin{
		"search and bind": {LDAPServer: server, Base: "dc=x", Filter: "(uid={name})"},
		"bind":            {Bind: "uid={name},dc=x"},
	} {
		var seen [2]map[ber.Tag]int
		for i, name := range []string{"ann", "nobody"} {
			s, def := startTally(t), def
			def.URL = s.url
			a := ask(t, &config.Directory{Name: "staff", Kind: "ldap", Connections: 1, Timeout: peerTimeout, LDAP: &def})
			a.expect(name, "wrong", ErrWrong)
			a.expect("ann", "password", "staff/ann") // the server can tell
			s.mu.Lock()
			seen[i] = s.seen
			s.mu.Unlock()
		}
		for _, op := range []ber.Tag{ldap.ApplicationBindRequest, ldap.ApplicationSearchRequest} {
			if known, unknown := seen[0][op], seen[1][op]; known != unknown {
				t.Errorf("%s: %s: %d for a known name, %d for an unknown one", how, ldap.ApplicationMap[uint8(op)], known, unknown)
			}
		}
		if seen[0][ldap.ApplicationBindRequest] < 2 {
			t.Errorf("%s: binds were not counted: %v", how, seen)
		}
	}
}
