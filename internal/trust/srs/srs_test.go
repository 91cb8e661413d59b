package srs

import (
	"errors"
	"strings"
	"testing"

	"github.com/postroad/postroad/internal/mail"
)

func scheme(secrets ...string) Scheme {
	s := Scheme{Domain: "srs.example"}
	for _, k := range secrets {
		s.Secrets = append(s.Secrets, []byte(k))
	}
	return s
}

func addr(t testing.TB, s string) mail.Address {
	t.Helper()
	a, err := mail.ParseAddress(s)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return a
}

const today = 20000

// What is written is read, for as long as it may be and not longer.
func TestForwardAndBack(t *testing.T) {
	s := scheme("new", "old")
	for _, sender := range []string{"ann@example.org", "Ann.B+x=y@sub.example.org", "a=b=c@example.org", `"a b"@example.org`} {
		from := addr(t, sender)
		srs, err := s.Forward(from, today)
		if err != nil || srs.Domain != "srs.example" || !strings.HasPrefix(srs.Local, "SRS0=") || !Is(srs.Local) {
			t.Fatalf("%s: %v, %v", sender, srs, err)
		}
		for age, want := range map[int]error{0: nil, MaxAge: nil, MaxAge + 1: ErrExpired, -1: ErrExpired, slots: nil} {
			back, err := s.Reverse(srs.Local, today+age)
			if !errors.Is(err, want) || want == nil && back != from {
				t.Errorf("%s after %d days: %v, %v", sender, age, back, err)
			}
		}
		for _, as := range []string{strings.ToLower(srs.Local), strings.ToUpper(srs.Local)} {
			if back, err := s.Reverse(as, today); err != nil || !strings.EqualFold(back.Local, from.Local) {
				t.Errorf("%s: %v, %v", as, back, err)
			}
		}
	}
}

// The way back has two stations at most, however many forwarders there are.
func TestChain(t *testing.T) {
	first, second, third := scheme("1"), scheme("2"), scheme("3")
	first.Domain, second.Domain, third.Domain = "first.example", "second.example", "third.example"
	third.Separator = '+'
	a, _ := first.Forward(addr(t, "ann@example.org"), today)
	b, err := second.Forward(a, today)
	if err != nil || !strings.HasPrefix(b.Local, "SRS1=") || !strings.Contains(b.Local, "=first.example==") {
		t.Fatalf("%v, %v", b, err)
	}
	c, err := third.Forward(b, today)
	if err != nil || !strings.HasPrefix(c.Local, "SRS1+") || len(c.Local) != len(b.Local) {
		t.Fatalf("%v, %v", c, err)
	}
	for s, local := range map[*Scheme]string{&second: b.Local, &third: c.Local} {
		if back, err := s.Reverse(local, today); err != nil || back != a {
			t.Errorf("%s leads to %v, %v", local, back, err)
		}
	}
	if back, err := first.Reverse(a.Local, today); err != nil || back.String() != "ann@example.org" {
		t.Errorf("%v, %v", back, err)
	}
}

func TestRotation(t *testing.T) {
	old, _ := scheme("old").Forward(addr(t, "ann@example.org"), today)
	if _, err := scheme("new", "old").Reverse(old.Local, today); err != nil {
		t.Errorf("an old secret does not verify: %v", err)
	}
	if _, err := scheme("new").Reverse(old.Local, today); !errors.Is(err, ErrForged) {
		t.Errorf("a secret that is gone: %v", err)
	}
	fresh, _ := scheme("new", "old").Forward(addr(t, "ann@example.org"), today)
	if _, err := scheme("new").Reverse(fresh.Local, today); err != nil {
		t.Errorf("the first secret does not sign: %v", err)
	}
}

func TestRefused(t *testing.T) {
	s := scheme("key")
	good, _ := s.Forward(addr(t, "ann@example.org"), today)
	hash, rest, _ := strings.Cut(good.Local[len("SRS0="):], "=")
	for local, want := range map[string]error{
		"ann":                                ErrNotSRS,
		"SRS0":                               ErrNotSRS,
		"SRS0=":                              ErrNotSRS,
		"SRS0=x":                             ErrNotSRS,
		"SRS0_" + hash + "=" + rest:          ErrNotSRS,
		"SRS0=" + hash[:3] + "=" + rest:      ErrForged,
		"SRS0==" + rest:                      ErrForged,
		"SRS0=AAAA=" + rest:                  ErrForged,
		"SRS0=" + hash + "=" + rest + "x":    ErrForged,
		"SRS0=" + hash + "=??=example.org=a": ErrForged,
		"SRS1=" + hash + "=a.example==x":     ErrForged,
		"SRS1=x=y":                           ErrNotSRS,
		"SRS0=" + strings.Repeat("A", 28) + "=" + rest: ErrForged,
	} {
		if a, err := s.Reverse(local, today); !errors.Is(err, want) || !a.IsZero() {
			t.Errorf("%s: %v, %v", local, a, err)
		}
	}
	if _, err := s.Forward(addr(t, strings.Repeat("a", 50)+"@example.org"), today); !errors.Is(err, ErrTooLong) {
		t.Errorf("a local part that does not fit: %v", err)
	}
	if _, err := scheme().Forward(addr(t, "ann@example.org"), today); !errors.Is(err, ErrNoSecret) {
		t.Errorf("no secret: %v", err)
	}
	if _, err := scheme().Reverse(good.Local, today); !errors.Is(err, ErrNoSecret) {
		t.Errorf("no secret: %v", err)
	}
}

// FuzzReverse: nothing is read that was not signed, and what is read is an address.
func FuzzReverse(f *testing.F) {
	s := scheme("key")
	a, _ := s.Forward(mail.Address{Local: "ann", Domain: "example.org"}, today)
	f.Add(a.Local)
	f.Add("SRS1=AAAA=first.example==BBBB=CC=example.org=ann")
	f.Fuzz(func(t *testing.T, local string) {
		back, err := s.Reverse(local, today)
		if err != nil {
			if !back.IsZero() {
				t.Fatalf("%q: %v together with %v", local, err, back)
			}
			return
		}
		if again, err := mail.ParseAddress(back.String()); err != nil || again != back {
			t.Fatalf("%q leads to %q, which is no address", local, back)
		}
	})
}
