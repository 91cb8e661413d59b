package postfix

import (
	"slices"
	"testing"
)

// Values are what postconf -x says of the same lines.
func TestExpand(t *testing.T) {
	p := ParseMain("main.cf", `compatibility_level = 3.6
set = value
empty =
a = $set ${set} $(set)
b = ${set?yes} ${set:no} ${empty?yes} ${empty:no}
c = ${set?{yes}:{no}} ${empty?{yes}:{no}}
d = ${{$set} == {value} ? {same} : {other}} ${{$compatibility_level} <level {3.10} ? {old} : {new}}
e = ${{2} < {10} ? {number} : {text}} $$set ${nothing}
f = ${set?x${empty:y$set}}
circle = x$circle
doubled = $doubled$doubled
`)
	for name, want := range map[string]string{
		"a": "value value value", "b": "yes value  no", "c": "yes no", "d": "same old", "e": "number $set", "f": "xyvalue",
	} {
		if got := p.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	p.Get("doubled") // comes to an end
	if got := p.Get("circle"); len(got) > 2*maxExpansion {
		t.Errorf("circle has %d octets", len(got))
	}
}

func TestLogicalLines(t *testing.T) {
	p := ParseMain("main.cf", "a = 1\n  2\n# comment\n\n\t3\nb=4\nbroken\na = 5\n")
	if got := p.Get("a"); got != "5" || p.Place("a") != "main.cf:8" {
		t.Errorf("a = %q at %s", got, p.Place("a"))
	}
	if len(p.Overridden) != 1 || p.Overridden[0].Value != "1 2 3" || p.Overridden[0].Line != 1 {
		t.Errorf("overridden: %+v", p.Overridden)
	}
	if len(p.Broken) != 1 || p.Broken[0].Line != 7 {
		t.Errorf("broken: %+v", p.Broken)
	}
}

func TestParseMaster(t *testing.T) {
	services, broken := ParseMaster("master.cf", `smtp inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt
  -o { smtpd_recipient_restrictions = permit_mynetworks, reject } -v
drop unix - n n - - pipe
  flags=DR argv=/bin/drop -o ${recipient}
half a line
`)
	if len(services) != 2 || len(broken) != 1 || broken[0].Line != 6 {
		t.Fatalf("%+v, %+v", services, broken)
	}
	o := services[0].Overrides[1]
	if o.Name != "smtpd_recipient_restrictions" || o.Value != "permit_mynetworks, reject" || !slices.Equal(services[0].Args, []string{"-v"}) {
		t.Errorf("%+v", services[0])
	}
	if services[1].Line != 4 || services[1].Command != "pipe" {
		t.Errorf("%+v", services[1])
	}
}

func TestHeaderGlob(t *testing.T) {
	for pattern, want := range map[string]string{
		`^Subject: .*pills`:     "Subject *pills*",
		`^X-Env: *test$`:        "X-Env test",
		`^List-Id:.*<a\.b>`:     "List-Id *<a.b>*",
		`^(Subject|To): x`:      "",
		`^Subject: [0-9]`:       "",
		`pills`:                 "",
		`^X-Flag:[[:space:]]*Y`: "X-Flag Y*",
	} {
		field, glob, ok := headerGlob(pattern)
		if got := field + " " + glob; ok != (want != "") || ok && got != want {
			t.Errorf("%s: %q, %v", pattern, got, ok)
		}
	}
}

func TestTargets(t *testing.T) {
	got := targets(`ann, bob "carl", "|/bin/x -y, z" :include:/a  "d e"@x`)
	want := []string{"ann", "bob", "carl", "|/bin/x -y, z", ":include:/a", `"d e"@x`}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
