package postfix

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Installation is a Postfix configuration as its files say it.
type Installation struct {
	Dir      string
	Main     *Parameters
	Services []Service
	Broken   []Setting // lines that could not be read

	hostname string
	tables   map[string]*Table
	aliases  map[string]bool // specs whose sources are written as aliases(5)
}

// maxSource bounds one file.
const maxSource = 512 << 20

// ErrNoMain is the error of a folder without a main.cf.
var ErrNoMain = errors.New("postfix: there is no main.cf")

// Options of Read.
type Options struct {
	// Hostname is what Postfix would take for myhostname where main.cf sets none.
	Hostname string
}

// Read reads main.cf and master.cf in dir. Tables are read when they are asked
// for.
func Read(dir string, o Options) (*Installation, error) {
	text, err := readText(filepath.Join(dir, "main.cf"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w in %s", ErrNoMain, dir)
	}
	if err != nil {
		return nil, err
	}
	in := &Installation{Dir: dir, Main: ParseMain("main.cf", text), hostname: o.Hostname, tables: map[string]*Table{}, aliases: map[string]bool{}}
	in.Broken = in.Main.Broken
	text, err = readText(filepath.Join(dir, "master.cf"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	services, broken := ParseMaster("master.cf", text)
	in.Services, in.Broken = services, append(in.Broken, broken...)
	in.ownNames()
	for _, word := range in.Main.Items("alias_maps") {
		in.aliases[parseSpec(word).String()] = true
	}
	return in, nil
}

// ownNames settles the defaults that depend on the machine.
func (in *Installation) ownNames() {
	d := in.Main.defaults
	if in.hostname != "" {
		d["myhostname"] = in.hostname
	}
	if _, domain, ok := strings.Cut(in.Main.Get("myhostname"), "."); ok {
		d["mydomain"] = domain
	}
	if path := in.locate("/etc/aliases"); isFile(path) {
		d["alias_maps"] = "hash:/etc/aliases"
	}
	// Debian's Postfix reads myorigin from a file when it names one.
	if name := in.Main.Get("myorigin"); strings.HasPrefix(name, "/") {
		if text, err := readText(in.locate(name)); err == nil {
			s := in.Main.set["myorigin"]
			s.Value = strings.TrimSpace(text)
			in.Main.set["myorigin"] = s
		}
	}
}

// locate finds a file that the configuration names: what stood below
// /etc/postfix stands in the folder of the import now, and another absolute path
// below it too ("DIR/etc/aliases"). Only for a folder that is in use on this
// machine other files of the machine are read: for a copy they may be wrong.
func (in *Installation) locate(name string) string {
	name = filepath.Clean(name)
	if rel, ok := below("/etc/postfix", name); ok {
		return filepath.Join(in.Dir, rel)
	}
	if !filepath.IsAbs(name) {
		return filepath.Join(in.Dir, name)
	}
	_, inside := below(in.Dir, name)
	if inside || in.isLive() {
		return name
	}
	return filepath.Join(in.Dir, name)
}

// isLive tells whether the folder is that of a Postfix of this machine.
func (in *Installation) isLive() bool {
	dir, err := filepath.Abs(in.Dir)
	return err == nil && strings.HasPrefix(dir, "/etc/postfix")
}

// below gives the path of name within dir.
func below(dir, name string) (string, bool) {
	rel, err := filepath.Rel(dir, name)
	return rel, err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}

// shown is how places name a file.
func (in *Installation) shown(name string) string {
	for _, dir := range []string{"/etc/postfix", in.Dir} {
		if rel, ok := below(dir, filepath.Clean(name)); ok {
			return rel
		}
	}
	return name
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func readText(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Size() > maxSource {
		return "", fmt.Errorf("%s: no plain file, or too large", path)
	}
	b, err := os.ReadFile(path)
	return string(b), err
}

// Table reads one table; each is read once.
func (in *Installation) Table(word string) *Table {
	s := parseSpec(word)
	if t, ok := in.tables[s.String()]; ok {
		return t
	}
	t := &Table{spec: s, Shown: s.String()}
	in.tables[s.String()] = t
	in.fill(t)
	return t
}

func (in *Installation) fill(t *Table) {
	switch {
	case t.kind == "static":
		value, _ := unbraced(t.name)
		t.static = &value
	case t.kind == "inline":
		t.Shown, t.Entries = "main.cf", inlineEntries(t.name)
		t.keyed()
	case t.kind == "unionmap" || t.kind == "pipemap":
		text, _ := unbraced(t.name)
		var parts []*Table
		for _, word := range items(text) {
			parts = append(parts, in.Table(word))
			if why := parts[len(parts)-1].Why; why != "" {
				t.Why = why
			}
		}
		if t.union, t.pipe = parts, nil; t.kind == "pipemap" {
			t.union, t.pipe = nil, parts
		}
	case t.isIndexed() || t.isPattern() || t.kind == "cidr":
		in.fillFromFile(t)
	case t.kind == "unix" && t.name == "passwd.byname":
		in.fillUsers(t)
	case t.isAsked():
		t.Why = askedWhy
	default:
		t.Why = fmt.Sprintf("tables of type %q are not read", t.kind)
	}
}

func (in *Installation) fillFromFile(t *Table) {
	name := strings.ReplaceAll(t.name, "$config_directory", in.Main.Get("config_directory"))
	t.Shown = in.shown(name)
	text, err := readText(in.locate(name))
	if err != nil {
		t.Why = "its text source cannot be read"
		return
	}
	switch {
	case t.isPattern():
		t.Rules = parseRules(t.kind, text)
	case t.kind == "cidr":
		t.Entries = parseEntries(text)
	case in.aliases[t.String()]:
		t.Entries = parseAliases(text)
		t.keyed()
	default:
		t.Entries = parseEntries(text)
		t.keyed()
	}
}

// fillUsers reads the users of the machine.
func (in *Installation) fillUsers(t *Table) {
	t.Shown = "/etc/passwd"
	text, err := readText(in.locate(t.Shown))
	if err != nil {
		t.Why = "the users of the machine cannot be read: put its passwd into etc/passwd below the folder"
		return
	}
	for i, line := range strings.Split(text, "\n") {
		if name, _, ok := strings.Cut(line, ":"); ok && name != "" && name[0] != '#' {
			t.Entries = append(t.Entries, Entry{Key: name, Value: name, Line: i + 1})
		}
	}
	t.keyed()
}

// Tables reads the tables of a parameter. Words that are no tables are left out.
func (in *Installation) Tables(parameter string) Tables {
	return in.tablesOf(parameter, in.Main.Items(parameter))
}

func (in *Installation) tablesOf(parameter string, words []string) Tables {
	ts := Tables{Parameter: parameter}
	for _, word := range words {
		if s := parseSpec(word); s.kind != "" {
			ts.List = append(ts.List, in.Table(word))
		}
	}
	return ts
}
