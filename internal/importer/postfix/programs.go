package postfix

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// nullSender, with a service, is what that shows a program for the null path.
const nullSender = "null sender to "

// program is what a line of master.cf says of pipe(8).
type program struct {
	command                     []string
	user, dir, flags, nullValue string
}

// pipeService is pipe(8): a program of master.cf that takes mail.
func (im *importer) pipeService(s Service, d destination) string {
	p, ok := im.programOf(s, d)
	if !ok {
		return im.waiting(s, d)
	}
	place := (&Table{Shown: s.File}).Place(s.Line)
	if strings.Contains(p.flags, "F") {
		im.differ(Left{What: s.Name + " flags=" + p.flags, Place: place, Why: "no \"From \" line stands before the message"})
	}
	if p.nullValue != "" && strings.Contains(strings.Join(p.command, " "), "{sender}") {
		im.result.shapes[nullSender+s.Name] = im.differ(Left{What: s.Name + " null_sender", Place: place, Why: "an empty argument stands for the null sender, not " + p.nullValue})
	}
	name := im.transports.take(s.Name)
	b := im.doc.add(sectionTransports, &block{head: `transport "pipe" ` + quote(name), from: place})
	b.set("command", quoteList(p.command), "")
	im.programUser(b, p.user)
	if p.dir != "" {
		b.set("directory", quote(p.dir), "")
	}
	for _, n := range []string{s.Name + "_destination_concurrency_limit", "default_destination_concurrency_limit"} {
		if limit := im.Main.Get(n); isDigits(limit) && limit != "0" {
			b.set("connections", limit, im.place(n))
			im.use(n)
			break
		}
	}
	im.use(s.Name + "_destination_recipient_limit")
	return name
}

// programOf reads the arguments of pipe(8). It is false for what no transport
// says.
func (im *importer) programOf(s Service, d destination) (program, bool) {
	p := program{nullValue: "MAILER-DAEMON"}
	for i, arg := range s.Args {
		name, value, _ := strings.Cut(arg, "=")
		switch name {
		case "argv":
			for _, word := range append([]string{value}, s.Args[i+1:]...) {
				word, ok := im.programWord(word, d)
				if !ok {
					return p, false
				}
				p.command = append(p.command, word)
			}
			return p, filepath.IsAbs(p.command[0]) && p.user != ""
		case "user":
			p.user = value
		case "directory":
			p.dir = value
		case "flags":
			p.flags = value
		case "null_sender":
			p.nullValue = value
		case "chroot", "eol":
			return p, false
		}
	}
	return p, false
}

func (im *importer) programUser(b *block, user string) {
	name, group, _ := strings.Cut(user, ":")
	b.set("user", quote(name), "")
	if group != "" {
		b.set("group", quote(group), "")
	}
}

// programWord writes one argument with our names for pipe(8)'s. It is false for
// those that we have none for.
func (im *importer) programWord(word string, d destination) (string, bool) {
	known := map[string]string{"recipient": "{recipient}", "sender": "{sender}", "mailbox": "{local}", "domain": "{domain}",
		"original_recipient": "{original}", "queue_id": "{id}", "nexthop": orElse(d.nexthop, "{domain}")}
	if im.model.delimiters == "" {
		known["user"], known["extension"] = "{local}", ""
	}
	ok := true
	out := regexp.MustCompile(`\$(\w+|\{\w+\}|\(\w+\))`).ReplaceAllStringFunc(word, func(ref string) string {
		value, is := known[strings.Trim(ref, "${}()")]
		ok = ok && is
		return value
	})
	return out, ok
}

// plainCommand splits a command of aliases(5) that needs no shell.
func plainCommand(target string) ([]string, bool) {
	text := strings.TrimSpace(strings.TrimPrefix(target, "|"))
	words := strings.Fields(text)
	if len(words) == 0 || !filepath.IsAbs(words[0]) || strings.ContainsAny(text, "\"'\\$*?<>|;&()[]{}`~#!=\n") {
		return nil, false
	}
	return words, true
}

// aliasProgram is a program behind an alias, as local(8) runs it.
type aliasProgram struct {
	local   string
	command []string // nil: not carried over
	place   string
}

// programRoutes bring mail for aliases of programs to them. What could not be
// carried over stays with its sender.
func (im *importer) programRoutes() {
	for _, p := range im.programs {
		var list []string
		for _, d := range im.domainsOf(classLocal) {
			list = append(list, p.local+"@"+d)
		}
		if len(list) == 0 {
			continue
		}
		via := ""
		if p.command == nil {
			via = im.via(destination{transport: "program", from: p.place})
		} else {
			via = im.transports.take("alias_" + p.local)
			b := im.doc.add(sectionTransports, &block{head: `transport "pipe" ` + quote(via), from: p.place})
			b.set("command", quoteList(p.command), "")
			im.programUser(b, orElse(im.Main.Get("default_privs"), "nobody"))
			im.use("default_privs")
		}
		slices.Sort(list)
		b := im.doc.add(sectionRoutes, &block{head: "route " + quote(im.routes.take("alias_"+p.local)), from: p.place})
		b.set("recipient", quoteList(list), "").set("via", "transport."+via, "")
	}
}
