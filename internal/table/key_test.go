package table

import "testing"

func TestKey(t *testing.T) {
	for in, want := range map[string]string{
		"Ann@Example.COM":            "ann@example.com",
		`"Ann B"@Example.com`:        "ann b@example.com",
		`"unfinished`:                `"unfinished`,
		"@München.example":           "@xn--mnchen-3ya.example",
		".MÜNCHEN.example":           ".xn--mnchen-3ya.example",
		"jörg@":                      "jörg@",
		"JÖRG@bücher.example":        "jörg@xn--bcher-kva.example",
		"*":                          "*",
		"not a domain ü or anything": "not a domain ü or anything",
	} {
		if got := Key(in); got != want {
			t.Errorf("Key(%q) = %q, want %q", in, got, want)
		}
	}
}
