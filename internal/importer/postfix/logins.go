package postfix

import (
	"path/filepath"
	"slices"
	"strings"
)

// loginService is who knows passwords, for the doors that ask it.
type loginService struct {
	ref     string // "directory.sasl"
	address string
	owns    string   // "table.sender_logins", "" where any sender will do
	doors   []string // "listener.submission"
	relays  []string // of these, those that let who logged in send anywhere
}

// serverLogin carries AUTH of a door over: Dovecot's auth service becomes a
// directory, other kinds are listed. It gives the parameters that it has read.
func (im *importer) serverLogin(b *block, p *Parameters) (carried []string) {
	if !isYes(p.Get("smtpd_sasl_auth_enable")) {
		return nil
	}
	im.use("smtpd_sasl_auth_enable")
	place := p.Place("smtpd_sasl_auth_enable")
	if kind := orElse(p.Get("smtpd_sasl_type"), "cyrus"); kind != "dovecot" {
		b.note("login = [directory.NAME]: %s says smtpd_sasl_auth_enable, and the users are not carried over", place)
		im.leaveOnly(Left{What: "smtpd_sasl_auth_enable", Place: place, Why: "the users stand with " + kind + " SASL: make a directory of them and name it in the listener"})
		return nil
	}
	carried = []string{"smtpd_sasl_type", "smtpd_sasl_path", "smtpd_tls_auth_only", "smtpd_sender_login_maps"}
	im.use(carried...)
	s := im.loginService(p)
	door := "listener." + strings.Trim(strings.TrimPrefix(b.head, "listener "), `"`)
	s.doors = append(s.doors, door)
	if slices.ContainsFunc(restrictionLists()[3:], func(list string) bool { return slices.Contains(p.Items(list), "permit_sasl_authenticated") }) {
		s.relays = append(s.relays, door)
	}
	if mode := b.value("tls"); mode == "" || mode == `"none"` {
		b.note("login = [%s]: %s says smtpd_sasl_auth_enable, and a password needs TLS, for which there is no certificate", s.ref, place)
		im.leaveOnly(Left{What: "smtpd_sasl_auth_enable", Place: place, Why: "a password needs TLS here, and the door has no certificate: the listener has the line as a comment"})
		return carried
	}
	b.set("login", "["+s.ref+"]", place)
	list := loginDemand(p)
	if list == "" {
		b.set("login_optional", "true", place)
		return carried
	}
	return append(carried, list)
}

// loginDemand is the list by which a door takes nothing from who did not log in:
// it has nothing but permit_sasl_authenticated and reject. "": there is none.
func loginDemand(p *Parameters) string {
	for _, list := range restrictionLists() {
		if slices.Equal(p.Items(list), []string{"permit_sasl_authenticated", "reject"}) {
			return list
		}
	}
	return ""
}

// loginService is the directory for a door's auth service, one for all doors that
// have the same, and the same owners of senders.
func (im *importer) loginService(p *Parameters) *loginService {
	s := loginService{address: im.authAddress(orElse(p.Get("smtpd_sasl_path"), "smtpd")), owns: im.senderOwners(p)}
	if i := slices.IndexFunc(im.logins, func(have loginService) bool { return have.address == s.address && have.owns == s.owns }); i >= 0 {
		return &im.logins[i]
	}
	label := im.directories.take("sasl")
	b := im.doc.add(sectionDoors, &block{head: `directory "dovecot" ` + quote(label), from: p.Place("smtpd_sasl_type")})
	b.set("address", quote(s.address), p.Place("smtpd_sasl_path"))
	if s.owns != "" {
		b.set("owns", s.owns, p.Place("smtpd_sender_login_maps"))
	}
	s.ref = "directory." + label
	im.logins = append(im.logins, s)
	im.differ(Left{What: "logins", Place: p.Place("smtpd_sasl_auth_enable"), Why: "AUTH is offered after TLS only, and was not asked for this report; the socket must be open to the user that postroad runs as"})
	return &im.logins[len(im.logins)-1]
}

// authAddress reads smtpd_sasl_path of type dovecot: a path, from queue_directory
// on, or inet:host:port.
func (im *importer) authAddress(path string) string {
	if address, is := strings.CutPrefix(path, "inet:"); is {
		return withPort(address, "12345")
	}
	path = strings.TrimPrefix(path, "unix:")
	if !filepath.IsAbs(path) {
		path = filepath.Join(im.Main.Get("queue_directory"), path)
	}
	return "unix:" + path
}

// senderOwners is smtpd_sender_login_maps, where a restriction holds logins against
// it.
func (im *importer) senderOwners(p *Parameters) string {
	const parameter = "smtpd_sender_login_maps"
	ts := im.tablesOf(parameter, p.Items(parameter))
	if ts.IsEmpty() {
		return ""
	}
	var words []string
	for _, list := range restrictionLists() {
		words = append(words, p.Items(list)...)
	}
	left := Left{What: parameter, Place: p.Place(parameter), Why: "no restriction of the door asks it"}
	switch {
	case slices.Contains(words, "reject_sender_login_mismatch"), slices.Contains(words, "reject_authenticated_sender_login_mismatch"):
		im.differ(Left{What: parameter, Place: p.Place(parameter), Why: "a login must own the addresses of From: as well"})
		return im.ownersTable(ts)
	case slices.Contains(words, "reject_known_sender_login_mismatch"):
		left.Why = "reject_known_sender_login_mismatch lets logins use senders that nobody owns, which `owns` does not"
	}
	im.leaveOnly(left)
	return ""
}

// ownersTable writes who owns which sender, once for the same tables.
func (im *importer) ownersTable(ts Tables) string {
	key := im.places(ts)
	if ref, done := im.owners[key]; done {
		return ref
	}
	ref, asked := im.asked(ts)
	switch {
	case asked:
	case im.unreadable(ts):
	case ts.hasPatterns():
		ref = im.fileTable("sender_logins", "regexp", fileLines(im.patternLines(ts, func(v string) string { return v }), false), key)
	default:
		ref = im.fileTable("sender_logins", "map", fileLines(im.ownerLines(ts), false), key)
	}
	im.owners[key] = ref
	return ref
}

// ownerLines are those of keyed tables; of two with one key the first counts.
func (im *importer) ownerLines(ts Tables) []string {
	var lines []string
	seen := map[string]bool{}
	for _, t := range ts.List {
		for _, e := range t.Entries {
			for _, key := range im.siteKeys(e.Key) {
				if !seen[key] {
					seen[key] = true
					lines = append(lines, "# "+t.Place(e.Line), quotedKey(key)+" "+strings.Join(targets(e.Value), ", "))
				}
			}
		}
	}
	return lines
}

// denyOwned refuses senders that belong to somebody, from who did not log in.
func (im *importer) denyOwned(list string, before permits) {
	ts := im.model.senderLogins
	ref := im.owners[im.places(ts)]
	if ref == "" || !isYes(im.Main.Get("smtpd_sasl_auth_enable")) {
		return
	}
	if !ts.hasPatterns() && !ts.List[0].isAsked() {
		ref = im.ownedSenders(ts)
	}
	b := im.doc.add(sectionDeny, &block{head: "deny " + quote(im.routes.take("owned_senders")), from: im.place(list)})
	b.set("sender", "["+ref+"]", "").set("text", `"Sender address rejected: not logged in"`, "")
	except := permits{"login": im.directoryRefs()}
	for attribute, patterns := range before {
		if attribute != "login" {
			except[attribute] = patterns
		}
	}
	b.exceptions(except)
}

// ownedSenders lists the keys of tables as patterns of senders.
func (im *importer) ownedSenders(ts Tables) string {
	var lines []string
	for _, t := range ts.List {
		for _, e := range t.Entries {
			for _, key := range im.siteKeys(e.Key) {
				lines = append(lines, senderPattern(quotedKey(key)))
			}
		}
	}
	return im.fileTable("owned_senders", "list", fileLines(lines, true), im.places(ts))
}

// directoryRefs names the directories of logins.
func (im *importer) directoryRefs() []string {
	var out []string
	for _, s := range im.logins {
		out = append(out, s.ref)
	}
	return out
}

// relayLogins is permit_sasl_authenticated: who logged in at a door that has it
// sends anywhere.
func (im *importer) relayLogins() {
	for _, s := range im.logins {
		if len(s.relays) == 0 {
			continue
		}
		label := strings.TrimPrefix(s.ref, "directory.")
		b := im.doc.add(sectionRelay, &block{head: "relay " + quote(label), from: im.place("smtpd_relay_restrictions") + " permit_sasl_authenticated"})
		b.set("login", "["+s.ref+"]", "")
		if len(s.relays) < len(s.doors) {
			b.set("listener", "["+strings.Join(s.relays, ", ")+"]", "")
		}
	}
}
