package lab_test

import (
	"testing"
	"time"

	"github.com/postroad/postroad/internal/lab"
)

// Wherever the client's octets are cut off, the message is captured only when
// all of them arrived.
func TestCutAtEveryOctetIn(t *testing.T) {
	_, r := start(t, lab.Config{})
	const session = "EHLO client.lab\r\nMAIL FROM:<s@x>\r\nRCPT TO:<a@x>\r\nDATA\r\nhi\r\n.\r\n"
	for _, action := range []lab.CutAction{lab.CutClose, lab.CutReset} {
		for at := range int64(len(session)) {
			r.Clear()
			r.Forget()
			r.Cut(lab.Cut{In: at, Action: action})
			got, err := lab.Send(r.Addr, "s@x", []string{"a@x"}, []byte("hi\r\n"))
			if err == nil || got.Accepted() || r.Len() != 0 {
				t.Fatalf("cut at %d: %+v, %v, captured %d", at, got, err, r.Len())
			}
		}
	}
	r.Clear()
	r.Cut(lab.Cut{In: int64(len(session))})
	got, _ := lab.Send(r.Addr, "s@x", []string{"a@x"}, []byte("hi\r\n"))
	if !got.Accepted() || r.Len() != 1 {
		t.Errorf("cut after the message: %+v", got)
	}
}

// Wherever the replies are cut off, the client has an error, and what was
// captured was complete.
func TestCutAtEveryOctetOut(t *testing.T) {
	_, r := start(t, lab.Config{Name: "mx", Without: []string{"SIZE", "DSN"}})
	if got, err := lab.Send(r.Addr, "s@x", []string{"a@x"}, []byte("hi\r\n")); err != nil || !got.Accepted() {
		t.Fatalf("%+v, %v", got, err)
	}
	total := int64(0)
	for _, l := range r.Log() {
		if !l.Client {
			total += int64(len(l.Text) + 2)
		}
	}
	for at := int64(1); at < total; at++ {
		r.Clear()
		r.Forget()
		r.Cut(lab.Cut{Out: at})
		if got, err := lab.Send(r.Addr, "s@x", []string{"a@x"}, []byte("hi\r\n")); err == nil {
			t.Fatalf("cut at %d of %d: %+v", at, total, got)
		}
	}
}

func TestCutCountsConnections(t *testing.T) {
	_, r := start(t, lab.Config{})
	r.Cut(lab.Cut{In: 3, Skip: 1, Times: 2})
	var failed []int
	for i := range 5 {
		if _, err := lab.Send(r.Addr, "s@x", []string{"a@x"}, nil); err != nil {
			failed = append(failed, i)
		}
	}
	if len(failed) != 2 || failed[0] != 1 || failed[1] != 2 {
		t.Errorf("failed: %v", failed)
	}
}

func TestFlipAltersOneOctet(t *testing.T) {
	_, r := start(t, lab.Config{})
	r.Cut(lab.Cut{In: int64(len("EHLO client.lab\r\nMAIL FROM:<")), Action: lab.CutFlip})
	if _, err := lab.Send(r.Addr, "s@x", []string{"a@x"}, nil); err != nil {
		t.Fatal(err)
	}
	if m := r.Messages(); len(m) != 1 || m[0].Sender != "S@x" {
		t.Errorf("captured %+v", m)
	}
	r.Clear()
	r.Cut(lab.Cut{Out: 4, Action: lab.CutFlip})
	got, err := lab.Send(r.Addr, "s@x", []string{"a@x"}, nil)
	if err != nil || got.Greeting.Text != "Mx.lab ESMTP lab" {
		t.Errorf("greeting %q, %v", got.Greeting.Text, err)
	}
}

func TestStallHoldsUntilClosed(t *testing.T) {
	_, r := start(t, lab.Config{})
	r.Cut(lab.Cut{In: 20, Action: lab.CutStall})
	ended := make(chan error, 1)
	go func() {
		_, err := lab.Send(r.Addr, "s@x", []string{"a@x"}, nil)
		ended <- err
	}()
	select {
	case err := <-ended:
		t.Fatalf("ended by itself: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	_ = r.Close()
	if err := <-ended; err == nil {
		t.Error("no error")
	}
}
