package property

import (
	"fmt"
	"slices"
	"strings"

	"github.com/postroad/postroad/internal/explain"
)

// letter is one envelope with its message.
type letter struct {
	id         string
	listener   string
	client     string
	helo       string
	tls        bool
	account    account
	sender     string
	recipients []string
	fields     []field
	env        string // X-Env, "" for none
	body       string
	added      *field // From, which the server adds to a submission without
}

// field is a header field; the parts between text are addresses: text, address,
// text, address, text.
type field struct {
	name  string
	parts []string
}

// shapes of address lists, with % for an address; the last ones are none.
var shapes = []string{
	"%", "<%>", "Ann Example <%>", "\"Example, Ann\" <%>, % (at work)", "Team: %, <%>;", "Ann <%>,\r\n\tBob <%>",
	"=?utf-8?q?J=C3=B6rg?= <%>", "(a (nested) comment) Ann\r\n <%>", "% , , \"a@b.test\" <%>", "Ann <", "Team: Ann <ann@h0.test>",
}

func (w *world) letter(id string) letter {
	l := letter{
		id:       id,
		listener: pick(w, w.listeners),
		client:   pick(w, clientHosts),
		helo:     pick(w, helos),
		sender:   pick(w, w.senders),
		env:      pick(w, envValues),
	}
	l.tls = w.chance(15)
	if w.chance(30) {
		w.login(&l)
	}
	for range 1 + w.rng.IntN(4) {
		l.recipients = append(l.recipients, w.recipient())
	}
	if len(w.paths) > 0 && w.chance(15) {
		w.answer(&l)
	}
	for _, name := range []string{"From", "To", "Cc", "Reply-To", "Comments"} {
		if w.chance(70) {
			l.fields = append(l.fields, w.field(name))
		}
	}
	// Fields that the server puts in front do not change which of the sizes that
	// rules name it passes.
	l.body = body(pick(w, []int{300, 1100, 3000}) - len(l.head()))
	if l.account.name != "" && l.sender != "<>" && (len(l.fields) == 0 || l.fields[0].name != "From") {
		l.added = &field{name: "From", parts: []string{"<", l.sender, ">"}}
	}
	return l
}

// answer makes a letter a report to a return path that was seen before.
func (w *world) answer(l *letter) {
	if w.chance(80) {
		l.sender = "<>"
	}
	path := pick(w, w.paths)
	if w.chance(10) {
		path = strings.Replace(path, "=", "=x", 1) // forged
	}
	l.recipients[0] = path
}

func (w *world) field(name string) field {
	text := strings.Split(pick(w, shapes), "%")
	f := field{name: name, parts: text[:1:1]}
	for _, t := range text[1:] {
		address := w.recipient()
		if w.chance(50) {
			address = strings.Trim(pick(w, w.senders[1:]), "<>")
		}
		f.parts = append(f.parts, address, t)
	}
	return f
}

func (w *world) recipient() string {
	domain := pick(w, w.foreign)
	if w.chance(65) {
		domain = pick(w, w.hosted)
	}
	if domain == movingDomain {
		return pick(w, movers) + "@" + domain
	}
	return pick(w, w.locals) + "@" + domain
}

func (f field) String() string { return f.name + ": " + strings.Join(f.parts, "") + "\r\n" }

// changed is the field with edits, of which those that were made are taken off.
func (f field) changed(edits *[]edit) field {
	out := field{name: f.name, parts: slices.Clone(f.parts)}
	for i := 1; i < len(out.parts); i += 2 {
		if e := *edits; len(e) > 0 && e[0].Field == f.name && e[0].From == out.parts[i] {
			out.parts[i], *edits = e[0].To, e[1:]
		}
	}
	return out
}

// changed is the letter with edits of its header.
func (l letter) changed(edits []edit) (letter, error) {
	fields := l.fields
	l.fields = nil
	if l.added != nil {
		f := l.added.changed(&edits)
		l.added = &f
	}
	for _, f := range fields {
		l.fields = append(l.fields, f.changed(&edits))
	}
	if len(edits) > 0 {
		return l, fmt.Errorf("no address for the edit %+v", edits[0])
	}
	return l, nil
}

func (l letter) head() string {
	var b strings.Builder
	fmt.Fprintf(&b, "X-Letter-Id: %s\r\n", l.id)
	for _, f := range l.fields {
		b.WriteString(f.String())
	}
	if l.env != "" {
		fmt.Fprintf(&b, "X-Env: %s\r\n", l.env)
	}
	b.WriteString("Subject: from ann@h0.test\r\n\r\n")
	return b.String()
}

func (l letter) message() string { return l.head() + l.body }

// body is lines of so many octets in all, or an empty one.
func body(size int) string {
	var b strings.Builder
	left := func() int { return size - 2 - b.Len() }
	for left() > 0 {
		b.WriteString(strings.Repeat("x", min(70, max(left()-2, 0))))
		if left() > 0 {
			b.WriteString("\r\n")
		}
	}
	return b.String() + "\r\n"
}

// header is the fields as a question has them: on one line each.
func (l letter) header() []string {
	var out []string
	for _, f := range l.fields {
		out = append(out, strings.ReplaceAll(f.String(), "\r\n", ""))
	}
	if l.env != "" {
		out = append(out, "X-Env: "+l.env)
	}
	return out
}

func (l letter) query() explain.Query {
	q := explain.Query{
		Sender: l.sender, Client: l.client, Helo: l.helo, TLS: l.tls, Listener: l.listener, Header: l.header(),
		Size: int64(len(l.message())), Recipients: l.recipients,
	}
	if l.sender == "<>" {
		q.Sender = ""
	}
	if l.account.name != "" {
		q.Login = l.account.directory + "/" + l.account.name
	}
	return q
}

// arguments are the same question on the command line.
func (l letter) arguments() []string {
	args := []string{"--from", l.sender, "--client", l.client, "--helo", l.helo,
		"--listener", l.listener, "--size", fmt.Sprint(len(l.message()))}
	if l.tls {
		args = append(args, "--tls")
	}
	if l.account.name != "" {
		args = append(args, "--login", l.account.directory+"/"+l.account.name)
	}
	for _, h := range l.header() {
		args = append(args, "--header", h)
	}
	return append(args, l.recipients...)
}
