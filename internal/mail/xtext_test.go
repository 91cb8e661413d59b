package mail

import (
	"testing"
	"unicode/utf8"
)

func TestXText(t *testing.T) {
	for in, out := range map[string]string{"": "", "abc": "abc", "a+b=c d": "a+2Bb+3Dc+20d", "\x00\xff": "+00+FF"} {
		if e := EncodeXText(in); e != out {
			t.Errorf("EncodeXText(%q) = %q", in, e)
		}
		if d, ok := DecodeXText(out); !ok || d != in {
			t.Errorf("DecodeXText(%q) = %q, %v", out, d, ok)
		}
	}
	for _, bad := range []string{"+", "+4", "+4g", "+ff", "a b", "a=b", "\x80"} {
		if _, ok := DecodeXText(bad); ok {
			t.Errorf("DecodeXText(%q) reads it", bad)
		}
	}
}

func TestUniXText(t *testing.T) {
	for in, out := range map[string]string{
		"":            "",
		"abc":         "abc",
		`ü b\c+d=e`:   `\x{FC}\x{20}b\x{5C}c\x{2B}d\x{3D}e`,
		"日\U0001F4E8": `\x{65E5}\x{1F4E8}`,
	} {
		if e := EncodeUniXText(in); e != out {
			t.Errorf("EncodeUniXText(%q) = %q", in, e)
		}
		if d := DecodeUniXText(out); d != in {
			t.Errorf("DecodeUniXText(%q) = %q", out, d)
		}
	}
	for _, other := range []string{`\x{`, `\x{}`, `\x{D800}`, `\x{110000}`, `\x{zz}`, `\y{41}`} {
		if d := DecodeUniXText(other); d != other {
			t.Errorf("DecodeUniXText(%q) = %q", other, d)
		}
	}
}

// What is encoded can be sent as a parameter, and comes back as it was.
func FuzzXText(f *testing.F) {
	for _, seed := range []string{"", "a+b=c d", "+2B", "+2b", `ü\x{41}`, "\x00\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, ok := DecodeXText(EncodeXText(s)); !ok || got != s {
			t.Errorf("%q comes back as %q, %v", s, got, ok)
		}
		if got, ok := DecodeXText(s); ok {
			if again, _ := DecodeXText(EncodeXText(got)); again != got {
				t.Errorf("%q is read as %q, and then %q", s, got, again)
			}
		}
		if e := EncodeUniXText(s); !isXText(e) {
			t.Errorf("%q is encoded as %q", s, e)
		} else if utf8.ValidString(s) && DecodeUniXText(e) != s {
			t.Errorf("%q comes back as %q", s, DecodeUniXText(e))
		}
	})
}
