package explain

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/postroad/postroad/internal/decide"
)

// Tree writes a result for people: each recipient with its verdict, the steps
// that led there, and where it would go.
func (r Result) Tree(w io.Writer, p Palette) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "from %s, client %s%s, listener %s, generation %s\n",
		r.Sender, r.Client, prefixed(", login ", r.Login), r.Listener, r.Generation)
	for _, rcpt := range r.Recipients {
		rcpt.tree(b, p)
	}
	for _, e := range r.Again {
		e.tree(b, p, "")
	}
	for _, t := range r.Tables {
		fmt.Fprintf(b, "%s\n", p.faint(t.line()))
	}
	return b.Flush()
}

func (r Recipient) tree(b *bufio.Writer, p Palette) {
	fmt.Fprintf(b, "%s  %s  %s\n", p.strong(r.Recipient), p.verdict(r.Verdict), r.Reply.line())
	branches := len(r.Steps) + len(r.Deliveries)
	if r.Limits != nil {
		fmt.Fprintf(b, "%s %-8s%s\n", branch(0, branches+1), "limits", r.Limits.line(p))
	}
	for i, s := range r.Steps {
		fmt.Fprintf(b, "%s %-8s%s\n", branch(i, branches), s.Stage, s.line(p))
	}
	for i, d := range r.Deliveries {
		at := len(r.Steps) + i
		fmt.Fprintf(b, "%s %s\n", branch(at, branches), d.line(p))
		for _, line := range slices.Concat(d.hostLines(p), d.editLines(p)) {
			fmt.Fprintf(b, "%s    %s\n", stem(at, branches), line)
		}
	}
}

// line is the rule with its place and what came of it.
func (s Step) line(p Palette) string {
	out := s.Rule
	if s.Source != "" {
		out = strings.TrimSpace(out + " " + p.faint("("+s.Source+")"))
	}
	return strings.Join(nonEmpty(out, s.Outcome), "  ")
}

func (d Delivery) line(p Palette) string {
	what := "goes to"
	if d.Copy != "" {
		what = d.Copy + " sends a copy to"
	}
	out := fmt.Sprintf("%s %s via %s (%s)", what, p.strong(d.Recipient), p.strong("transport."+d.Transport), d.Kind)
	if d.Rule != "" {
		out += " by " + d.Rule + prefixed(" ", p.faint(bracket(d.Source)))
	}
	out += prefixed(", if unknown there via transport.", d.Other)
	out += prefixed(", sender ", d.Sender) + prefixed(", tenant ", d.Tenant)
	if d.Keep != "" {
		out += ", original " + d.Original + " in " + d.Keep
	}
	if d.Paused != nil {
		out += ", " + p.bad("paused") + " since " + d.Paused.Since.Format(time.RFC3339) + prefixed(" by ", d.Paused.By) + prefixed(": ", d.Paused.Reason)
	}
	return out
}

func (d Delivery) hostLines(p Palette) []string {
	if d.Error != nil {
		return []string{p.bad(d.Error.line())}
	}
	if len(d.Hosts) == 0 {
		if len(d.Nexthops) == 0 {
			return nil
		}
		return []string{strings.Join(d.Nexthops, ", ") + " " + p.faint("("+d.Order+")")}
	}
	var out []string
	for _, h := range d.Hosts {
		out = append(out, h.line(p))
	}
	return out
}

func (d Delivery) editLines(p Palette) []string {
	var out []string
	for _, e := range d.Edits {
		line := orElse(e.Field, e.Part) + ": " + e.From + " -> " + e.To + " by"
		for _, by := range e.By {
			line += " " + by.Rule + prefixed(" ", p.faint(bracket(by.Source)))
		}
		out = append(out, line)
	}
	return out
}

func (h Host) line(p Palette) string {
	out := fmt.Sprintf("%s:%d", h.Host, h.Port)
	if h.Preference != nil {
		out += fmt.Sprintf("  preference %d", *h.Preference)
	}
	if h.Error != nil {
		return out + "  " + p.bad(h.Error.line())
	}
	if len(h.Addresses) != 1 || h.Addresses[0] != h.Host {
		out += "  [" + strings.Join(h.Addresses, " ") + "]"
	}
	return out + "  tls " + h.TLS
}

func (r Reply) line() string {
	return strings.ReplaceAll(strings.Join(nonEmpty(fmt.Sprint(r.Code), r.Enhanced, r.Text), " "), "\n", " / ")
}

func (t Table) line() string {
	if t.Error != "" {
		return fmt.Sprintf("table.%s: %s", t.Name, t.Error)
	}
	return fmt.Sprintf("table.%s: %d entries, version %s, %s old", t.Name, t.Entries, t.Version, t.Age)
}

func (p Palette) verdict(v string) string {
	switch v {
	case decide.Accept.String():
		return p.good(v)
	case decide.Reject.String():
		return p.bad(v)
	}
	return p.unsure(v)
}

func branch(i, n int) string {
	if i == n-1 {
		return "└─"
	}
	return "├─"
}

func stem(i, n int) string {
	if i == n-1 {
		return "  "
	}
	return "│ "
}

func bracket(s string) string {
	if s == "" {
		return ""
	}
	return "(" + s + ")"
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

func nonEmpty(all ...string) []string {
	var out []string
	for _, s := range all {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}
