package receive_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
)

// conformanceFolder holds dialogues by others; they are not part of the project.
const conformanceFolder = "../../../shared/conformance"

// Where we answer in another class of codes on purpose.
func deliberate(file string, line int) string {
	switch file + ":" + strconv.Itoa(line) {
	case "bad_data.cmy:35":
		return "a header that ends with a line that is no field is no reason to refuse mail that passes through"
	}
	return ""
}

// notApplicable names dialogues that say what we refuse on purpose.
func notApplicable(file string) string {
	switch file {
	case "authplain.test", "starttls_session_fixation.test":
		return "passwords are taken under TLS only"
	case "starttls_with_injection.test":
		return "we drop the connection without an answer; see testdata/dialogue/starttls_injection.txt"
	}
	return ""
}

func conformanceFiles(t *testing.T, pattern string, least int) []string {
	files, err := filepath.Glob(filepath.Join(conformanceFolder, pattern))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(conformanceFolder); err != nil {
		t.Skip("the conformance material is not here")
	}
	if len(files) < least {
		t.Fatalf("only %d dialogues", len(files))
	}
	return files
}

// runConformance runs one dialogue of others, with the steps that read makes of
// its lines.
func runConformance(t *testing.T, file string, read func(d *dialogue, lines []string)) {
	t.Run(filepath.Base(file), func(t *testing.T) {
		if why := notApplicable(filepath.Base(file)); why != "" {
			t.Skip(why)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Test(t, func(t *testing.T) {
			d := &dialogue{t: t, w: newWorld(t), listener: "big", client: netip.MustParseAddr("192.0.2.1")}
			read(d, strings.Split(string(text), "\n"))
			d.end()
		})
	})
}

// class expects a reply whose code begins with the same digit: how others word
// theirs is not ours.
func (d *dialogue) class(want string) {
	d.t.Helper()
	reply := d.wholeReply()
	if len(reply) == 0 || len(want) == 0 || reply[len(reply)-1][0] != want[0] {
		d.check(false, "the server says %q, others %q", reply, want)
	}
}

func TestChasquidDialogues(t *testing.T) {
	for _, pattern := range []string{"smtp-chasquid/test/t-12*/*.cmy", "smtp-chasquid/test/t-05*/*.cmy"} {
		for _, f := range conformanceFiles(t, pattern, 1) {
			runConformance(t, f, func(d *dialogue, lines []string) { d.chasquid(filepath.Base(f), lines) })
		}
	}
}

func (d *dialogue) chasquid(file string, lines []string) {
	for i, line := range lines {
		d.where = file + ":" + strconv.Itoa(i+1)
		line, ours := strings.CutPrefix(line, "c ")
		if !ours || d.t.Failed() {
			continue
		}
		word, arg, _ := strings.Cut(line, " ")
		switch word {
		case "tcp_connect", "tls_connect":
			d.end()
			d.listener = map[string]string{"tcp_connect": "big", "tls_connect": "implicit"}[word]
			d.open()
		case "close":
			d.end()
		case "->":
			d.send(bracketed(arg))
		case "~>":
			d.send(strconv.Quote(python(arg)))
		case "<-", "<~", "<...":
			if deliberate(file, i+1) != "" {
				arg = "2"
			}
			d.class(arg)
		default:
			d.check(false, "not a step: %s", line)
		}
	}
}

// bracketed puts in the angle brackets that chasquid can do without, and we, by
// RFC 5321 s4.1.2, cannot.
func bracketed(line string) string {
	if a, ok := strings.CutPrefix(line, "RCPT TO: "); ok && strings.Contains(a, "@") && a[0] != '<' {
		return "RCPT TO:<" + a + ">"
	}
	return line
}

// python reads 'text', 'text' * n, ('text' + 'text') * n and sums of these.
func python(s string) string {
	s = strings.TrimSpace(s)
	times := 1
	if i := strings.LastIndex(s, "* "); i >= 0 && strings.HasPrefix(s, "(") {
		times, _ = strconv.Atoi(s[i+2:])
		s = strings.Trim(strings.TrimSpace(s[:i]), "()")
	}
	var sum string
	for _, term := range strings.Split(s, " + ") {
		quoted, n, many := strings.Cut(term, " * ")
		text := strings.NewReplacer(`\r`, "\r", `\n`, "\n").Replace(strings.Trim(quoted, "'"))
		if many {
			count, _ := strconv.Atoi(n)
			text = strings.Repeat(text, count)
		}
		sum += text
	}
	return strings.Repeat(sum, times)
}

func TestJamesDialogues(t *testing.T) {
	for _, f := range conformanceFiles(t, "smtp-james-mpt/mpt/impl/smtp/core/src/main/resources/org/apache/james/smtp/scripts/*.test", 5) {
		runConformance(t, f, func(d *dialogue, lines []string) { d.james(filepath.Base(f), lines) })
	}
}

// james sends one line at a time and holds the replies against the codes of the
// S: lines, those of one reply taken together.
func (d *dialogue) james(file string, lines []string) {
	d.where = file
	var codes []string
	for i, line := range lines {
		s, ok := strings.CutPrefix(line, "S: ")
		if !ok {
			continue
		}
		followed := i+1 < len(lines) && strings.HasPrefix(lines[i+1], "S: "+s[:3]+"-")
		if len(s) > 3 && s[3] != '-' && !followed {
			codes = append(codes, s)
		}
	}
	next := func() {
		if len(codes) > 0 && !d.t.Failed() {
			d.class(codes[0])
			codes = codes[1:]
		}
	}
	d.listener = "public"
	d.open()
	next()
	body := false
	for _, line := range lines {
		c, ok := strings.CutPrefix(line, "C:")
		if !ok {
			continue
		}
		c = strings.TrimPrefix(c, " ")
		d.send(c)
		if body = body && c != "."; !body {
			next()
			body = c == "data"
		}
	}
	d.check(len(codes) == 0, "%d replies are left", len(codes))
}
