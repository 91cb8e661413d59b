package control

import (
	"testing"
	"time"
)

func FuzzRow(f *testing.F) {
	r := Row{ID: "x", Arrived: time.Unix(7, 0), Sender: "\"a\tb\n\"@c", Recipient: "-", State: RowHeld, Attempts: 3, More: 2}
	f.Add(string(r.append(nil)))
	f.Add("a\t1\t2\ts\tr\t0\tt\theld\t0\t-9")
	f.Fuzz(func(t *testing.T, line string) {
		r, err := parseRow(line)
		if err != nil {
			return
		}
		again := string(r.append(nil))
		if r2, err := parseRow(again[:len(again)-1]); err != nil || string(r2.append(nil)) != again && r2.Sender == r.Sender {
			t.Errorf("%q became %q, %v", line, again, err)
		}
	})
}

// A name can neither begin a line nor a field.
func TestRowOfStrangeNames(t *testing.T) {
	in := Row{
		ID: "id", Arrived: time.Unix(1e9, 0).UTC(), Size: 5, Sender: "\"a\tb\n\"@c.test", Recipient: "bücher@d.test", More: 2,
		Transport: "\x1b[2J", State: RowPaused, Attempts: 4, Due: time.Unix(-62135596800, 0).UTC(),
	}
	line := string(in.append(nil))
	out, err := parseRow(line[:len(line)-1])
	want := in
	want.Sender, want.Transport = `"\"a\tb\n\"@c.test"`, `"\x1b[2J"`
	if err != nil || out != want {
		t.Errorf("%q became %+v, %v", line, out, err)
	}
	if _, err := parseRow("a\tb"); err == nil {
		t.Error("two fields are a row")
	}
}
