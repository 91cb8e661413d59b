package ldap

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"github.com/postroad/postroad/internal/table"
	"github.com/postroad/postroad/internal/table/dial"
	"github.com/postroad/postroad/internal/table/remote"
	"github.com/postroad/postroad/internal/table/tabletest"
)

// serve answers each search with these operations, the number of which counts all
// searches from 1; nil closes the connection.
func serve(t *testing.T, search func(n int) []*ber.Packet) Server {
	t.Helper()
	var n atomic.Int32
	addr := tabletest.Serve(t, "tcp", "127.0.0.1:0", func(c net.Conn) {
		for {
			p, err := ber.ReadPacket(c)
			if err != nil || p.Children[1].Tag != ldap.ApplicationSearchRequest {
				return
			}
			for _, op := range search(int(n.Add(1))) {
				if op == nil {
					return
				}
				message := ber.NewSequence("")
				message.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, p.Children[0].Value, ""))
				message.AppendChild(op)
				if _, err := c.Write(message.Bytes()); err != nil {
					return
				}
			}
		}
	})
	return Server{Server: dial.Server{Network: "tcp", Address: addr}}
}

func octets(s string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
}

func entryOf(attributes ...[]string) *ber.Packet {
	list := ber.NewSequence("")
	for _, a := range attributes {
		values := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
		for _, v := range a[1:] {
			values.AppendChild(octets(v))
		}
		one := ber.NewSequence("")
		one.AppendChild(octets(a[0]))
		one.AppendChild(values)
		list.AppendChild(one)
	}
	e := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultEntry, nil, "")
	e.AppendChild(octets("cn=x"))
	e.AppendChild(list)
	return e
}

func done(code int) *ber.Packet {
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultDone, nil, "")
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, code, ""))
	p.AppendChild(octets(""))
	p.AppendChild(octets("ann@example.com is secret"))
	return p
}

func elsewhere() *ber.Packet {
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultReference, nil, "")
	p.AppendChild(octets("ldap://elsewhere.example/"))
	return p
}

func open(t *testing.T, s Server) remote.Batcher {
	t.Helper()
	a, err := New(Options{Server: s, Base: "dc=x", Filter: "(mail={key})", Attributes: []string{"uid"}, Connections: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// Only what ends with success is an answer.
func TestAnswers(t *testing.T) {
	mine := entryOf([]string{"mail", "a@x"}, []string{"UID", "b", "", "a"})
	for name, c := range map[string]struct {
		ops   []*ber.Packet
		want  table.Status
		ofKey bool
	}{
		"an entry":             {[]*ber.Packet{mine, done(0)}, table.Found, false},
		"twice":                {[]*ber.Packet{mine, mine, done(0)}, table.Found, false},
		"another's":            {[]*ber.Packet{entryOf([]string{"mail", "a @x"}), done(0)}, table.NotFound, false},
		"none":                 {[]*ber.Packet{done(0)}, table.NotFound, false},
		"a reference":          {[]*ber.Packet{elsewhere(), done(0)}, table.NotFound, false},
		"cut off":              {[]*ber.Packet{mine, nil}, table.TryLater, false},
		"closed":               {[]*ber.Packet{nil}, table.TryLater, false},
		"no such object":       {[]*ber.Packet{done(32)}, table.TryLater, false},
		"busy":                 {[]*ber.Packet{mine, done(51)}, table.TryLater, false},
		"referral":             {[]*ber.Packet{done(10)}, table.TryLater, false},
		"time limit":           {[]*ber.Packet{mine, done(3)}, table.TryLater, false},
		"size limit, no entry": {[]*ber.Packet{done(4)}, table.TryLater, true},
		"size limit":           {[]*ber.Packet{mine, done(4)}, table.TryLater, true},
		"syntax of the key":    {[]*ber.Packet{done(21)}, table.TryLater, true},
		"in parts":             {[]*ber.Packet{entryOf([]string{"mail", "a@x"}, []string{"uid;range=0-1", "a", "b"}), done(0)}, table.TryLater, true},
		"by another name":      {[]*ber.Packet{entryOf([]string{"mail", "a@x"}, []string{"userid", "a"}), done(0)}, table.TryLater, true},
	} {
		a := open(t, serve(t, func(int) []*ber.Packet { return c.ops }))
		got := a.Lookup(t.Context(), "a@x")
		if got.Status != c.want || errors.Is(got.Cause, remote.ErrKey) != c.ofKey || (got.Cause != nil) != (c.want == table.TryLater) {
			t.Errorf("%s: %+v", name, got)
		}
		if got.Status == table.Found && !slices.Equal(got.Values, []string{"a", "b"}) {
			t.Errorf("%s: %q", name, got.Values)
		}
		if got.Cause != nil && strings.Contains(got.Cause.Error(), "secret") {
			t.Errorf("%s: %v", name, got.Cause)
		}
	}
}

// A kept connection that the server closed costs no answer; the keys of a batch
// that breaks are asked anew, all of them.
func TestKeptConnections(t *testing.T) {
	a := open(t, serve(t, func(n int) []*ber.Packet {
		if n == 4 {
			return []*ber.Packet{nil}
		}
		return []*ber.Packet{entryOf([]string{"mail", "a", "b", "c"}), done(0)}
	}))
	for range 2 {
		for _, got := range a.LookupAll(t.Context(), []string{"a", "b", "c"}) {
			if got.Status != table.Found {
				t.Errorf("%+v", got)
			}
		}
	}
	ends := open(t, serve(t, func(int) []*ber.Packet {
		return []*ber.Packet{entryOf([]string{"mail", "a"}), done(0), nil}
	}))
	for range 3 {
		if got := ends.Lookup(t.Context(), "a"); got.Status != table.Found {
			t.Errorf("%+v", got)
		}
	}
}

func TestSilenceAndFlood(t *testing.T) {
	block := make(chan struct{})
	t.Cleanup(func() { close(block) })
	silent := open(t, serve(t, func(int) []*ber.Packet { <-block; return nil }))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	begun := time.Now()
	for _, got := range silent.LookupAll(ctx, []string{"a", "b"}) {
		if got.Status != table.TryLater || got.Cause == nil {
			t.Errorf("%+v", got)
		}
	}
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
	much := entryOf([]string{"mail", "a"}, []string{"uid", strings.Repeat("x", 1<<20)})
	flood := open(t, serve(t, func(int) []*ber.Packet { return append(slices.Repeat([]*ber.Packet{much}, 40), done(0)) }))
	if got := flood.Lookup(t.Context(), "a"); got.Status != table.TryLater || !errors.Is(got.Cause, remote.ErrKey) {
		t.Errorf("%v %v", got.Status, got.Cause)
	}
	empty := open(t, serve(t, func(int) []*ber.Packet { t.Error("it was asked"); return nil }))
	if got := empty.Lookup(t.Context(), ""); got.Status != table.NotFound {
		t.Errorf("%+v", got)
	}
}

func TestParse(t *testing.T) {
	for raw, want := range map[string]dial.Server{
		"ldap://h":          {Network: "tcp", Address: "h:389", Name: "h"},
		"ldaps://h/":        {Network: "tcp", Address: "h:636", Name: "h", TLS: true},
		"ldap://[::1]:3890": {Network: "tcp", Address: "[::1]:3890", Name: "::1"},
	} {
		if got, err := Parse(raw); err != nil || got != want {
			t.Errorf("%s: %+v, %v", raw, got, err)
		}
	}
	for raw, want := range map[string]error{
		"ldap://h/dc=x": errPath, "ldap://h?uid": errPath, "ldap://h?": errPath, "http://h": dial.ErrScheme, "ldap://ann@h": dial.ErrUser,
	} {
		if _, err := Parse(raw); !errors.Is(err, want) {
			t.Errorf("%s: %v", raw, err)
		}
	}
}
