package postfix

import (
	"strings"
	"testing"
)

// No text makes a parser panic or run without bound; what it reads has its line.
func FuzzParseMain(f *testing.F) {
	for _, s := range []string{
		"a = b\n c\n# x\n\nd = ${a?{x}:{y}} $(a) ${{1} < {2} ? {a} : {b}} $$\n", "a=$b\nb=$a\n", "= x\nfoo\n a = {", "x = ${x", "y=${a:$a$a$a}\na=$y$y",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p := ParseMain("main.cf", text)
		lines := strings.Count(text, "\n") + 1
		for _, s := range p.Settings() {
			if s.Line < 1 || s.Line > lines || s.Name == "" {
				t.Errorf("%+v", s)
			}
			if v := p.Get(s.Name); len(v) > 2*maxValue+len(text) {
				t.Errorf("%d octets", len(v))
			}
		}
	})
}

func FuzzParseMaster(f *testing.F) {
	f.Add("smtp inet n - n - - smtpd\n  -o a=b -o { c = d, e } -v\nx unix - - - - - pipe\n flags=R argv=/bin/x ${recipient}\n")
	f.Add("short line\n-o a=b\n")
	f.Fuzz(func(t *testing.T, text string) {
		services, broken := ParseMaster("master.cf", text)
		for _, s := range services {
			if s.Name == "" || s.Command == "" || s.Line < 1 {
				t.Errorf("%+v", s)
			}
		}
		for _, b := range broken {
			if b.Line < 1 {
				t.Errorf("%+v", b)
			}
		}
	})
}

// Tables of every kind, and the configuration that is made of them.
func FuzzTables(f *testing.F) {
	f.Add("hash", "ann@example.com bob@example.com, \"c d\"@x\n@example.com x\n")
	f.Add("regexp", "/^a(.*)@example\\.com$/ $1@b\nif !/x/\n/y/ z\nendif\n")
	f.Add("pcre", "/(?<x>a)/imx b\n!/a/ c\n")
	f.Add("cidr", "10.0.0.0/8 OK\n!192.0.2.0/24 REJECT\n")
	f.Add("aliases", "a: b, \"|x y\", :include:/nowhere\nowner-a: c\n\"q r\": d\n")
	f.Fuzz(func(t *testing.T, kind, text string) {
		var all []Entry
		switch kind {
		case "regexp", "pcre":
			rules := parseRules(kind, text)
			findRule(rules, "ann@example.com")
			return
		case "aliases":
			all = parseAliases(text)
		default:
			all = parseEntries(text)
		}
		in := &Installation{Dir: t.TempDir(), Main: ParseMain("main.cf", ""), tables: map[string]*Table{}, aliases: map[string]bool{}}
		for _, e := range all {
			if e.Key == "" && kind != "aliases" || e.Line < 1 {
				t.Errorf("%+v", e)
			}
			in.AliasTargets(e.Value)
			parseAction(e.Value)
			parseWay(e.Value)
		}
	})
}
