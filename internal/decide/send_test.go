package decide

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/table"
)

// envelope is a line of a test:
//
//	send from=s@foreign.example client=192.0.2.1 to=ann@example.com,bob@example.com
//
// "rcpt" in place of send asks at RCPT, before the message.
type envelope struct {
	in    Input
	to    []mail.Recipient
	show  []string // trace, changes, rule, other, dsn, rewritten, text
	early bool
}

func parseEnvelope(line string) envelope {
	w := words(line)
	e := envelope{early: w[0] == "rcpt"}
	f := &e.in.Facts
	f.HasMessage = !e.early
	var notify mail.Notify
	var orcpt string
	for _, word := range w[1:] {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "from":
			e.in.Sender = path(value)
		case "to":
			for _, a := range strings.Split(value, ",") {
				e.to = append(e.to, mail.Recipient{Address: address(a)})
			}
		case "client":
			f.Client = netip.MustParseAddr(value)
		case "login":
			f.Login.Directory, f.Login.Name, _ = strings.Cut(value, "/")
		case "certificate":
			f.Certificate = value
		case "listener":
			f.Listener = value
		case "helo":
			f.Helo = value
		case "tls":
			f.TLS = value == "yes"
		case "tag":
			f.Tags = strings.Split(value, ",")
		case "header":
			for _, h := range strings.Split(value, "|") {
				name, _, _ := strings.Cut(h, ":")
				f.Header = append(f.Header, mail.Field{Name: name, Raw: []byte(h + "\r\n")})
			}
		case "size":
			f.Size, _ = strconv.ParseInt(value, 10, 64)
		case "received":
			f.Received, _ = strconv.Atoi(value)
		case "delivered":
			for _, a := range strings.Split(value, ",") {
				f.DeliveredTo = append(f.DeliveredTo, address(a))
			}
		case "marked": // recipient/transport
			for _, m := range strings.Split(value, ",") {
				a, transport, _ := strings.Cut(m, "/")
				f.MarkKey = []byte("key")
				f.Marks = append(f.Marks, Mark(f.MarkKey, address(a), transport))
			}
		case "origin":
			f.Origin = map[string]Origin{"report": OriginReport, "reinjected": OriginReinjected, "reroute": OriginReroute}[value]
		case "alias":
			f.Alias = address(value)
		case "day":
			f.Day, _ = strconv.Atoi(value)
		case "tenant":
			f.Tenant = value
		case "over":
			f.Over = strings.Split(value, ",")
		case "declared":
			f.Declared, _ = strconv.ParseInt(value, 10, 64)
		case "original":
			e.in.Original = address(value)
		case "notify":
			for _, n := range strings.Split(value, ",") {
				notify |= map[string]mail.Notify{"success": mail.NotifySuccess, "failure": mail.NotifyFailure, "delay": mail.NotifyDelay, "never": mail.NotifyNever}[n]
			}
		case "orcpt":
			orcpt = value
		case "envid":
			e.in.EnvID = value
		case "show":
			e.show = strings.Split(value, ",")
		default:
			panic("unknown word " + word)
		}
	}
	for i := range e.to {
		e.to[i].Notify, e.to[i].ORCPT = notify, orcpt
	}
	e.in.Trace = slices.Contains(e.show, "trace") || slices.Contains(e.show, "changes")
	return e
}

func path(s string) mail.Path {
	p, err := mail.ParsePath(s)
	if err != nil {
		panic(s + ": " + err.Error())
	}
	return p
}

// decide answers as receive does: ask, look up what is needed, ask again.
func (w *world) decide(e envelope) Decision {
	e.in.Facts.SRS = w.secrets
	e.in.Memo = &Memo{View: w.view, Answers: map[Question]table.Answer{}}
	for range 100 {
		d := w.once(e)
		if len(d.Needs) == 0 {
			return d
		}
		for _, n := range d.Needs {
			e.in.Memo.Answers[n] = w.remote[n.Table].Lookup(n.Key)
		}
	}
	panic("it never stops asking")
}

func (w *world) once(e envelope) Decision {
	if !e.early {
		w.agree(e)
		return w.snapshot.Message(e.in, e.to)
	}
	var d Decision
	for _, r := range e.to {
		one, needs := w.snapshot.Recipient(e.in, r)
		d.Recipients = append(d.Recipients, one)
		d.Needs = append(d.Needs, needs...)
	}
	d.Verdict = total(d.Recipients).verdict
	return d
}

// agree panics unless Each gives what Message does: the same recipients in the same
// order, or the same answer for all.
func (w *world) agree(e envelope) {
	e.in.Trace = false
	var list []RecipientDecision
	one := w.snapshot.Each(e.in, e.to, func(d *RecipientDecision) { list = append(list, *d) })
	all := w.snapshot.Message(e.in, e.to)
	if len(one.Needs) > 0 || len(all.Needs) > 0 {
		return
	}
	if one.Recipients = list; all.Verdict != Accept {
		all.Recipients = nil
	}
	slices.Sort(all.Waits)
	if !reflect.DeepEqual(one, all) {
		panic(fmt.Sprintf("one by one:\n%+v\ntogether:\n%+v", one, all))
	}
}

// render writes a decision as the tests expect it.
func render(d Decision, e envelope) string {
	var b strings.Builder
	for _, r := range d.Recipients {
		fmt.Fprintf(&b, "%s: %s%s\n", r.Recipient.Address, r.Verdict, renderReply(r.Verdict, r.Reply, e.show))
		for _, leg := range r.Deliveries {
			renderLeg(&b, leg, e.show)
		}
		for _, leg := range r.Refused {
			fmt.Fprintf(&b, "  refused %s%s\n", leg.Recipient, renderReply(Reject, leg.Reply, e.show))
		}
		for _, s := range steps(r.Steps, e.show) {
			fmt.Fprintf(&b, "  | %s %s: %s\n", s.Stage, s.Rule, s.Outcome)
		}
	}
	if !e.early && (len(d.Recipients) > 1 || d.Verdict != d.Recipients[0].Verdict) {
		fmt.Fprintf(&b, "message: %s%s\n", d.Verdict, renderReply(d.Verdict, d.Reply, e.show))
	}
	return b.String()
}

func steps(all []Step, show []string) []Step {
	if !slices.Contains(show, "trace") {
		return nil
	}
	return all
}

func renderReply(v Verdict, r mail.Reply, show []string) string {
	if v == Accept {
		return ""
	}
	if !slices.Contains(show, "text") {
		r.Text = ""
	}
	return " " + r.String()
}

func renderLeg(b *strings.Builder, leg Delivery, show []string) {
	b.WriteString("  ")
	if leg.Copy != "" {
		b.WriteString("copy ")
	}
	fmt.Fprintf(b, "%s via %s", leg.Recipient, leg.Transport)
	if leg.Nexthops != nil {
		fmt.Fprintf(b, " nexthop %s", strings.Join(leg.Nexthops, " "))
	}
	if leg.Homed {
		b.WriteString(" (home)")
	}
	if leg.Other != "" && slices.Contains(show, "other") {
		fmt.Fprintf(b, " or %s", leg.Other)
	}
	if leg.NotBy != "" {
		fmt.Fprintf(b, " not by %s", leg.NotBy)
	}
	if leg.Tenant != "" {
		fmt.Fprintf(b, " of %s", leg.Tenant)
	}
	if slices.Contains(show, "rule") {
		fmt.Fprintf(b, " by %s", leg.Rule.Name)
	}
	if slices.Contains(show, "sender") {
		fmt.Fprintf(b, " from %s", leg.Sender)
	}
	for _, e := range leg.Edits {
		fmt.Fprintf(b, " %d+%d=%s", e.At, e.Len, e.Text)
	}
	if slices.Contains(show, "rewritten") {
		fmt.Fprintf(b, " original %s expanded %s", leg.Original, orNull(leg.Expanded))
	}
	if leg.Keep != "" {
		fmt.Fprintf(b, " keep %s %s", leg.Keep, leg.Original)
	}
	if slices.Contains(show, "dsn") {
		fmt.Fprintf(b, " notify=%s orcpt=%s", notifyText(leg.Notify), leg.ORCPT)
	}
	b.WriteString("\n")
	if slices.Contains(show, "changes") {
		for _, c := range leg.Changes {
			renderChange(b, c)
		}
	}
}

func renderChange(b *strings.Builder, c Change) {
	fmt.Fprintf(b, "    %s %s -> %s by", strings.TrimSpace(string(c.Part)+" "+c.Field), c.From, c.To)
	for _, by := range c.By {
		b.WriteString(" " + by.Name)
	}
	b.WriteString("\n")
}

func notifyText(n mail.Notify) string {
	var out []string
	for i, s := range []string{"success", "failure", "delay", "never"} {
		if n&(1<<i) != 0 {
			out = append(out, s)
		}
	}
	return strings.Join(out, ",")
}

// orNull writes the zero address as "<>".
func orNull(a mail.Address) string {
	if a.IsZero() {
		return "<>"
	}
	return a.String()
}
