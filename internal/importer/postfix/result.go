package postfix

import (
	"slices"
	"strings"
)

// Left is something that was not carried over, and why.
type Left struct {
	What  string // "smtpd_milters", "virtual:12 sales@example.com"
	Place string // "main.cf:12"
	Why   string
}

// String is the line of the report.
func (l Left) String() string {
	if l.Place == "" {
		return l.What + ": " + l.Why
	}
	return l.What + " (" + l.Place + "): " + l.Why
}

// Result is what an import gives.
type Result struct {
	Config string // postroad.hcl
	Files  []File
	Left   []Left
	Notes  []Left // carried over, with a difference that is known

	model  *Model
	shapes map[string]Left // what has a part in Postfix's answers and is left, or differs
	excuse map[string]Left // address or "@domain" → known difference

	unasked map[string]Left // parameters whose tables only a running server asks
}

// importer is one import under way.
type importer struct {
	*Installation
	model  *Model
	doc    document
	result *Result
	used   map[string]bool

	transports  names
	routes      names
	tableNames  names
	directories names
	ways        map[string]string // "smtp:[host]:25\x00user" → transport
	hosted      []hosted
	byName      map[string]hosted
	deliveries  map[class]string // transports
	catchAll    map[string]bool  // domains with an alias for everybody
	aliasRef    string           // "table.aliases", "" where there are none
	localRef    string           // of local domains, where it is another
	listRefs    map[class]string
	askedRefs   map[string]string // spec → "table.x", "" where it cannot be carried over
	templates   []template
	programs    []aliasProgram
	lists       []aliasList
	foreign     []aliasEntry // virtual aliases of domains that are not hosted
	logins      []loginService
	owners      map[string]string // tables of smtpd_sender_login_maps → "table.x", "" where they cannot be carried over
}

// hosted is a domain that gets a block.
type hosted struct {
	name  string
	class class
	place string
}

// template is the domains of a class that a table names at run time.
type template struct {
	class class
	from  string // "table.x"
	place string
}

// Import carries an installation over.
func Import(in *Installation) *Result {
	im := &importer{
		Installation: in, model: in.NewModel(),
		result: &Result{shapes: map[string]Left{}, excuse: map[string]Left{}, unasked: map[string]Left{}},
		used:   map[string]bool{}, transports: reserved(), routes: names{}, tableNames: names{}, directories: names{}, owners: map[string]string{},
		ways: map[string]string{}, catchAll: map[string]bool{}, listRefs: map[class]string{}, askedRefs: map[string]string{}, byName: map[string]hosted{}, deliveries: map[class]string{},
	}
	im.result.model = im.model
	for _, build := range []func(){
		im.top, im.findHosted, im.listeners, im.relayRules, im.relayLogins, im.accessRules, im.headerChecks, im.aliasTable,
		im.domainBlocks, im.listBlocks, im.transportRoute, im.senderRoutes, im.policyRoutes, im.defaultRoute, im.copies, im.retries,
		im.rewriting, im.leftovers,
	} {
		build()
	}
	im.result.Config = im.doc.text([]string{
		"Carried over from a Postfix configuration. The comment behind a line says where it came",
		"from; report.txt beside this file lists what was not carried over, and why.",
	})
	return im.result
}

// use marks parameters as carried over.
func (im *importer) use(parameters ...string) {
	for _, p := range parameters {
		im.used[p] = true
	}
}

// place is where a parameter is set.
func (im *importer) place(parameter string) string { return im.Main.Place(parameter) }

// leave lists something of a parameter as not carried over. What it shapes in
// Postfix's answers is then known to differ.
func (im *importer) leave(parameter, what, why string) {
	im.use(parameter)
	im.result.shapes[parameter] = im.leaveOnly(Left{What: what, Place: im.place(parameter), Why: why})
}

// leaveOnly lists something as not carried over.
func (im *importer) leaveOnly(l Left) Left {
	if !slices.Contains(im.result.Left, l) {
		im.result.Left = append(im.result.Left, l)
	}
	return l
}

// differ notes something that was carried over with a difference.
func (im *importer) differ(l Left) Left {
	if !slices.Contains(im.result.Notes, l) {
		im.result.Notes = append(im.result.Notes, l)
	}
	return l
}

// file adds a file beside the configuration.
func (im *importer) file(f File) { im.result.Files = append(im.result.Files, f) }

// fileTable declares a table of a file, and gives the reference to it.
func (im *importer) fileTable(label, format, content, from string) string {
	label = im.tableNames.take(label)
	path := "maps/" + label
	im.file(File{Name: path, Content: "# " + from + "\n" + content})
	b := &block{head: `table "file" ` + quote(label), from: from}
	b.set("path", quote(path), "").set("format", quote(format), "")
	im.doc.add(sectionTables, b)
	return "table." + label
}

// places names the tables of a parameter with the parameter's own place.
func (im *importer) places(ts Tables) string {
	out := []string{im.place(ts.Parameter) + " " + ts.Parameter}
	for _, t := range ts.List {
		if t.Shown != "main.cf" {
			out = append(out, t.Shown)
		}
	}
	return strings.Join(out, ", ")
}

// unreadable lists the tables that cannot be read. It tells whether there are
// any.
func (im *importer) unreadable(ts Tables) bool {
	bad := false
	for _, t := range ts.List {
		if t.Why != "" {
			im.leave(ts.Parameter, ts.Parameter+" = "+t.String(), t.Why)
			bad = true
		}
	}
	return bad
}
