package mail_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/postroad/postroad/internal/mail"
)

func TestScanHeader(t *testing.T) {
	const msg = "Received: from a\r\n\tby b;\r\n today\r\nSubject : late colon\r\nTO:x\r\nEmpty:\r\n\r\nBody: no\r\n"
	h, end := mail.ScanHeader([]byte(msg))
	if msg[end:] != "\r\nBody: no\r\n" {
		t.Errorf("the rest is %q", msg[end:])
	}
	want := []struct{ name, value string }{
		{"Received", "from a\tby b; today"}, {"Subject", "late colon"}, {"TO", "x"}, {"Empty", ""},
	}
	if len(h) != len(want) {
		t.Fatalf("%d fields, want %d", len(h), len(want))
	}
	for i, w := range want {
		if h[i].Name != w.name || h[i].Value() != w.value {
			t.Errorf("field %d: %q = %q, want %q = %q", i, h[i].Name, h[i].Value(), w.name, w.value)
		}
	}
	if v, ok := h.Get("to"); !ok || v != "x" {
		t.Errorf("Get(to) = %q, %v", v, ok)
	}
	if _, ok := h.Get("Body"); ok {
		t.Error("a field was found in the body")
	}
	if h.Count("received") != 1 || len(h.All("RECEIVED")) != 1 {
		t.Error("Received is there once")
	}
}

func TestScanHeaderEnds(t *testing.T) {
	for _, c := range []struct {
		name, msg, rest string
		fields          int
	}{
		{"nothing", "", "", 0},
		{"empty line first", "\r\nA: b\r\n", "\r\nA: b\r\n", 0},
		{"bare LF", "A: b\nC: d\n\nE: f\n", "\nE: f\n", 2},
		{"no field", "A: b\r\nhello\r\nC: d\r\n", "hello\r\nC: d\r\n", 1},
		{"mbox line", "From a@b today\r\nA: b\r\n", "From a@b today\r\nA: b\r\n", 0},
		{"fold first", " A: b\r\nC: d\r\n", " A: b\r\nC: d\r\n", 0},
		{"a line of blanks folds", "A: b\r\n \r\nC: d\r\n", "", 2},
		{"no line end", "A: b", "", 1},
		{"no name", ": b\r\n", ": b\r\n", 0},
		{"control in name", "A\x00: b\r\n", "A\x00: b\r\n", 0},
		{"CR before the line end", "A: b\r\n\r\r\nC: d\r\n", "\r\r\nC: d\r\n", 1},
	} {
		h, end := mail.ScanHeader([]byte(c.msg))
		if len(h) != c.fields || c.msg[end:] != c.rest {
			t.Errorf("%s: %d fields and rest %q, want %d and %q", c.name, len(h), c.msg[end:], c.fields, c.rest)
		}
	}
}

// Appending to one field must not write into the next one.
func TestRawCannotGrowIntoTheMessage(t *testing.T) {
	msg := []byte("A: b\r\n c\r\nD: e\r\n\r\n")
	h, _ := mail.ScanHeader(msg)
	for _, f := range h {
		_ = append(f.Raw, "overwritten"...)
	}
	if string(msg) != "A: b\r\n c\r\nD: e\r\n\r\n" {
		t.Errorf("the message became %q", msg)
	}
}

// FuzzScanHeader: the fields are the message up to the end, in order and whole.
func FuzzScanHeader(f *testing.F) {
	for _, s := range []string{"A: b\r\n c\r\n\r\nx", "\n", "A:\n\tb\nC: d", "a\r\n", ":", "A :b\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		before := bytes.Clone(msg)
		h, end := mail.ScanHeader(msg)
		var all []byte
		for _, field := range h {
			if field.Name == "" || strings.ContainsAny(field.Name, ": \t\r\n") {
				t.Fatalf("a field is called %q", field.Name)
			}
			if v := field.Value(); strings.Contains(v, "\n") {
				t.Fatalf("%q has the value %q", field.Raw, v)
			}
			all = append(all, field.Raw...)
		}
		if !bytes.Equal(all, msg[:end]) {
			t.Fatalf("fields hold %q, header is %q", all, msg[:end])
		}
		if !bytes.Equal(before, msg) {
			t.Fatal("the message was changed")
		}
	})
}

func BenchmarkScanHeader(b *testing.B) {
	msg := []byte(strings.Repeat("Received: from a by b\r\n\tfor c; Mon, 2 Jan 2006\r\n", 5) +
		"From: a@b.example\r\nTo: c@d.example\r\nSubject: hello\r\nDate: x\r\nMessage-ID: <y@z>\r\n\r\nbody")
	b.ReportAllocs()
	for b.Loop() {
		mail.ScanHeader(msg)
	}
}
