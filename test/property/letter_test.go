package property

import (
	"fmt"
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
	size       int    // octets of the message
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
		size:     pick(w, []int{300, 1100, 3000}),
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

// value is the field's text with edits, of which those that were made are taken
// off.
func (f field) value(edits *[]edit) string {
	var b strings.Builder
	for i, part := range f.parts {
		if e := *edits; i%2 == 1 && len(e) > 0 && e[0].Field == f.name && e[0].From == part {
			part, *edits = e[0].To, e[1:]
		}
		b.WriteString(part)
	}
	return b.String()
}

// head is the header with edits, and those which fit nowhere.
func (l letter) head(edits []edit) (string, []edit) {
	var b strings.Builder
	fmt.Fprintf(&b, "X-Letter-Id: %s\r\n", l.id)
	for _, f := range l.fields {
		fmt.Fprintf(&b, "%s: %s\r\n", f.name, f.value(&edits))
	}
	if l.env != "" {
		fmt.Fprintf(&b, "X-Env: %s\r\n", l.env)
	}
	b.WriteString("Subject: from ann@h0.test\r\n\r\n")
	return b.String(), edits
}

// message is l.size octets, or as long as its header is.
func (l letter) message() string {
	head, _ := l.head(nil)
	return head + l.body(len(head))
}

// edited is the message with edits of the header, or what is wrong with them.
func (l letter) edited(edits []edit) (string, error) {
	head, _ := l.head(nil)
	changed, rest := l.head(edits)
	if len(rest) > 0 {
		return "", fmt.Errorf("no address for the edit %+v", rest[0])
	}
	return changed + l.body(len(head)), nil
}

func (l letter) body(from int) string {
	var b strings.Builder
	left := func() int { return l.size - 2 - from - b.Len() }
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
		value := f.value(&[]edit{})
		out = append(out, f.name+": "+strings.NewReplacer("\r\n", "").Replace(value))
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
