package spool

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestIDString(t *testing.T) {
	for _, id := range []ID{{}, {1, 2, 3, 15: 9}, {0: 0xff, 15: 0xff}, ID(bytes.Repeat([]byte{0xff}, 16))} {
		s := id.String()
		for _, form := range []string{s, strings.ToUpper(s)} {
			back, err := ParseID(form)
			if err != nil || back != id {
				t.Errorf("ParseID(%q) = %x, %v; want %x", form, back, err, id)
			}
		}
	}
}

func TestParseIDRefuses(t *testing.T) {
	good := ID{5: 1}.String()
	for _, s := range []string{"", "x", good[1:], good + "0", "u" + good[1:], "8" + good[1:], good[:25] + "!", good[:25] + "\x00"} {
		if _, err := ParseID(s); !errors.Is(err, ErrBadID) {
			t.Errorf("ParseID(%q) error = %v, want ErrBadID", s, err)
		}
	}
	if id, err := ParseID("oOiIlL" + good[6:]); err != nil || id.String()[:6] != "001111" {
		t.Errorf("look-alike letters: %v, %v", id, err)
	}
}

func TestIDsGrow(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_000)
	clock := at
	s := idSource{now: func() time.Time { return clock }, rand: bytes.NewReader(bytes.Repeat([]byte{0xff}, 1000))}
	last := ID{}
	// The clock stands, goes back and goes on.
	for _, step := range []time.Duration{0, 0, 0, -time.Hour, 0, time.Hour + time.Millisecond, 0} {
		clock = clock.Add(step)
		id, err := s.next()
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Compare(id[:], last[:]) <= 0 || id.String() <= last.String() && last != (ID{}) {
			t.Fatalf("after %v: %v does not follow %v", step, id, last)
		}
		last = id
	}
	if got := last.Time().Sub(at); got < 0 || got > 2*time.Millisecond {
		t.Errorf("Time is off by %v", got)
	}
}

func FuzzParseID(f *testing.F) {
	f.Add(ID{1: 7}.String())
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseID(s)
		if err != nil {
			return
		}
		if back, err := ParseID(id.String()); err != nil || back != id {
			t.Fatalf("%q: %v, %v", s, back, err)
		}
	})
}
