package mail_test

import (
	"encoding/xml"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/postroad/postroad/internal/mail"
)

// isemailFolder holds test material by others; it is not part of the project.
const isemailFolder = "../../../shared/conformance/addr-isemail/test"

type isemailCase struct {
	ID        string `xml:"id,attr"`
	Address   string `xml:"address"`
	Category  string `xml:"category"`
	Diagnosis string `xml:"diagnosis"`
}

// allowed names what we take for an address though isemail does not, and why.
func allowed(c isemailCase) string {
	if c.Diagnosis == "ISEMAIL_RFC5321_IPV6DEPRECATED" {
		return "RFC 4291 s2.2 lets :: stand for a single group"
	}
	return ""
}

// refused names what isemail takes for an address and we do not, and why.
func refused(address string) string {
	if strings.HasPrefix(address, `""@`) {
		return "an empty quoted local part names no mailbox"
	}
	return ""
}

// TestIsemail holds ParseAddress against the verdicts of isemail: what it finds
// valid, perhaps unusual, for RFC 5321 is an address; what is good only in a
// header, deprecated or wrong is none.
func TestIsemail(t *testing.T) {
	for _, name := range []string{"tests.xml", "tests-original.xml"} {
		cases := isemailCases(t, name)
		if len(cases) < 100 {
			t.Fatalf("%s: only %d cases", name, len(cases))
		}
		for _, c := range cases {
			checkIsemail(t, name, c)
		}
	}
}

func checkIsemail(t *testing.T, file string, c isemailCase) {
	address := controls(c.Address)
	want := allowed(c) != ""
	switch c.Category {
	case "ISEMAIL_VALID_CATEGORY", "ISEMAIL_DNSWARN", "ISEMAIL_RFC5321":
		want = refused(address) == ""
	}
	if _, err := mail.ParseAddress(address); (err == nil) != want {
		t.Errorf("%s %s: ParseAddress(%q): %v; isemail says %s", file, c.ID, address, err, c.Diagnosis)
	}
}

// controls turns the symbols for control characters into these.
func controls(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 0x2400 && r <= 0x241f {
			return r - 0x2400
		}
		return r
	}, s)
}

func isemailCases(t *testing.T, name string) []isemailCase {
	b, err := os.ReadFile(filepath.Join(isemailFolder, name))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the conformance material is not here")
	}
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Tests []isemailCase `xml:"test"`
	}
	d := xml.NewDecoder(strings.NewReader(string(b)))
	d.Strict = false
	if err := d.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	return doc.Tests
}
