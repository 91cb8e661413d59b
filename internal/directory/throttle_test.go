package directory

import (
	"fmt"
	"net/netip"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// guess lets passwords be tried until the throttle closes, and tells how many.
func (a *asked) guess(name string, from func(i int) string) int {
	a.t.Helper()
	for i := range 1000 {
		a.from = from(i)
		if _, err := a.try(name, "guess"+strconv.Itoa(i)); err == ErrThrottled {
			return i
		}
	}
	return 1000
}

func everywhere(i int) string { return fmt.Sprintf("198.51.%d.%d", i/250, i%250+1) }
func here(int) string         { return "192.0.2.1" }

func TestFailuresOfANetworkAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := ask(t, passwd(t, "staff", "ann:"+argonPassword+"\nbob:"+argonPassword+"\n"))
		if n := a.guess("nobody", here); n != networkFailures {
			t.Errorf("%d passwords could be tried, want %d", n, networkFailures)
		}
		a.from = "192.0.2.1"
		a.expect("ann", "password", ErrThrottled) // the right one is not looked at either
		a.from = "192.0.2.2"
		a.expect("ann", "password", "staff/ann")
		time.Sleep(networkForgets + time.Second)
		a.from = "192.0.2.1"
		a.expect("ann", "password", "staff/ann")
		a.expect("bob", "wrong", ErrWrong)
		a.expect("bob", "password", ErrThrottled)
		a.expect("ann", "password", "staff/ann") // logged in from here before
	})
}

func TestFailuresOfAnAccountAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := ask(t, passwd(t, "staff", "ann:"+argonPassword+"\n"))
		a.expect("ann", "password", "staff/ann")
		if n := a.guess("ann", everywhere); n != accountFailures {
			t.Errorf("%d passwords could be tried, want %d", n, accountFailures)
		}
		a.from = "203.0.113.1"
		a.expect("ANN", "password", ErrThrottled)
		a.from = "192.0.2.1"
		a.expect("ann", "password", "staff/ann") // who was there before is not locked out by others
		a.from = "203.0.113.1"
		time.Sleep(accountForgets + time.Second)
		a.expect("ann", "password", "staff/ann")
		if n := a.guess("nobody", everywhere); n != accountFailures {
			t.Errorf("of a name that nobody has %d passwords could be tried, want %d", n, accountFailures)
		}
	})
}

func TestTheSameWrongPasswordCountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := ask(t, passwd(t, "staff", "ann:"+argonPassword+"\nbob:"+argonPassword+"\n"))
		for range 10 * networkFailures {
			a.expect("ann", "old password", ErrWrong)
		}
		a.expect("bob", "password", "staff/bob")
	})
}

func TestAnIPv6NetworkIsOneClient(t *testing.T) {
	a := ask(t, passwd(t, "staff", ""))
	n := a.guess("nobody", func(i int) string { return fmt.Sprintf("2001:db8::%x", i+1) })
	if n != networkFailures {
		t.Errorf("%d passwords could be tried, want %d", n, networkFailures)
	}
	mapped := visitorOf(Attempt{Client: netip.MustParseAddr("::ffff:192.0.2.1")})
	if plain := visitorOf(Attempt{Client: netip.MustParseAddr("192.0.2.1")}); mapped != plain {
		t.Errorf("%v is not %v", mapped, plain)
	}
}

func TestFadingIsBounded(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	f := newFading[int](time.Minute)
	for i := range 3 * maxRecalled {
		f.add(i, now)
	}
	if len(f.counts) > maxRecalled {
		t.Errorf("%d are recalled", len(f.counts))
	}
	f.add(-1, now.Add(time.Hour))
	for len(f.counts) < maxRecalled {
		f.add(len(f.counts)+10*maxRecalled, now.Add(time.Hour))
	}
	f.add(-2, now.Add(time.Hour))
	if f.level(-1, now.Add(time.Hour)) == 0 && f.level(-2, now.Add(time.Hour)) == 0 {
		t.Error("what is new was forgotten before what has faded")
	}
}
