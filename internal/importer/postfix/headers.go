package postfix

import (
	"regexp"
	"strings"
)

// headerChecks carries header_checks over as far as they decide where a message
// goes: REJECT becomes a deny rule, FILTER and DISCARD routes.
func (im *importer) headerChecks() {
	im.use("header_checks")
	ts := im.Tables("header_checks")
	im.unreadable(ts)
	for _, t := range ts.List {
		for i := range t.Rules {
			im.headerCheck(t, &t.Rules[i])
		}
	}
}

func (im *importer) headerCheck(t *Table, r *Rule) {
	place := t.Place(r.Line)
	word, text, _ := strings.Cut(r.Value, " ")
	field, glob, ok := headerGlob(r.Pattern)
	leave := func(why string) {
		im.leaveOnly(Left{What: "header_checks: /" + r.Pattern + "/ " + r.Value, Place: place, Why: why})
	}
	switch upper := strings.ToUpper(word); {
	case upper == "DUNNO" || upper == "OK":
	case r.Kind != "" || r.Negated || !ok:
		leave("a condition on a header is a name and a text with stars")
	case upper == "REJECT":
		b := im.doc.add(sectionDeny, &block{head: "deny " + quote(im.routes.take("header_"+field)), from: place})
		b.set("header", "{ "+quote(field)+" = "+quote(glob)+" }", "")
		if text = replyText(text); text != "" {
			b.set("text", quote(text), "")
		}
	case upper == "DISCARD" || upper == "FILTER":
		d := destination{transport: "discard", from: place}
		if upper == "FILTER" {
			d.transport, d.nexthop = parseWay(text)
		}
		b := im.doc.add(sectionRoutes, &block{head: "route " + quote(im.routes.take("header_"+field)), from: place})
		b.set("header", "{ "+quote(field)+" = "+quote(glob)+" }", "").set("hosted", "true", "").set("via", "transport."+im.via(d), "")
	case upper == "REDIRECT":
		leave("a route changes the way of a message, not its recipients")
	default:
		leave("only REJECT, FILTER and DISCARD say where a message goes")
	}
}

// headerGlob reads the patterns that a name and a text with stars can say:
// "^Subject:.*word", "^X-Env: *test$".
func headerGlob(pattern string) (field, glob string, ok bool) {
	m := regexp.MustCompile(`^\^([A-Za-z0-9-]+):(.*)$`).FindStringSubmatch(pattern)
	if m == nil {
		return "", "", false
	}
	rest := m[2]
	for _, space := range []string{`\s*`, `\s+`, `[[:space:]]*`, `[[:space:]]+`, ` *`, ` +`, ` `} {
		if after, is := strings.CutPrefix(rest, space); is {
			rest = after
			break
		}
	}
	end := "*"
	if after, is := strings.CutSuffix(rest, "$"); is && !strings.HasSuffix(after, `\`) {
		rest, end = after, ""
	}
	var b strings.Builder
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; {
		case strings.HasPrefix(rest[i:], ".*"):
			b.WriteByte('*')
			i++
		case c == '\\' && i+1 < len(rest) && !isNameByte(rest[i+1]) && rest[i+1] != '*':
			b.WriteByte(rest[i+1])
			i++
		case strings.IndexByte(`\.*+?[](){}|^$`, c) >= 0:
			return "", "", false
		default:
			b.WriteByte(c)
		}
	}
	return m[1], strings.ReplaceAll(b.String()+end, "**", "*"), true
}
