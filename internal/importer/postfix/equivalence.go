package postfix

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/postroad/postroad/internal/explain"
)

// Router answers a question as the imported configuration would; explain.Route
// does.
type Router func(ctx context.Context, q explain.Query) (explain.Result, error)

// Difference is an envelope of which the two sides make something else.
type Difference struct {
	Question Question
	Postfix  string
	Postroad string
	Reason   string // the import had listed it; "" when it had not
}

// Equivalence is what came out of the comparison.
type Equivalence struct {
	Asked       int
	Differences []Difference
}

// Unlisted are the differences that the import had not listed.
func (e Equivalence) Unlisted() []Difference {
	return slices.DeleteFunc(slices.Clone(e.Differences), func(d Difference) bool { return d.Reason != "" })
}

// Compare asks both sides all questions. The first error of the router ends it.
func (r *Result) Compare(ctx context.Context, route Router, questions []Question) (Equivalence, error) {
	var out Equivalence
	for _, q := range questions {
		ours, err := route(ctx, explain.Query{Sender: q.Sender, Client: q.Client.String(), Recipients: []string{q.Recipient}})
		if err != nil {
			return out, fmt.Errorf("%s: %w", q.Recipient, err)
		}
		out.Asked++
		if d, differs := r.Judge(q, r.model.Ask(q), ours); differs {
			out.Differences = append(out.Differences, d)
		}
	}
	return out, nil
}

// Ask gives the model's answer to an envelope.
func (r *Result) Ask(q Question) Answer { return r.model.Ask(q) }

// Told writes an answer of Postfix's in the form in which both sides are
// compared. A recipient that comes back is refused, whenever that is found out.
func (r *Result) Told(a Answer) string { return r.told(a) }

// Judge compares one answer of Postfix's with ours.
func (r *Result) Judge(q Question, theirs Answer, ours explain.Result) (Difference, bool) {
	d := Difference{Question: q, Postfix: r.told(theirs), Postroad: r.ourTold(ours)}
	if d.Postfix == d.Postroad {
		return d, false
	}
	if d.Reason = r.reason(q, theirs, d); d.Reason == "" {
		d.Reason = r.notAsked(theirs)
	}
	return d, true
}

// Listed finds what the import had listed that explains why an envelope came out
// as ours and not as theirs, from servers that ran and asked their tables; "" where
// nothing does.
func (r *Result) Listed(q Question, theirs, ours string) string {
	return r.reason(q, r.model.Ask(q), Difference{Question: q, Postfix: theirs, Postroad: ours})
}

func (r *Result) told(a Answer) string {
	if a.Verdict != "accept" {
		return a.Verdict
	}
	var legs []string
	for _, l := range a.Legs {
		legs = append(legs, r.legText(l, r.hop(l)))
	}
	return together(legs)
}

func (r *Result) ourTold(res explain.Result) string {
	if len(res.Recipients) != 1 {
		return "no answer"
	}
	one := res.Recipients[0]
	if one.Verdict != "accept" {
		return one.Verdict
	}
	var legs []string
	for _, d := range one.Deliveries {
		legs = append(legs, r.legText(Leg{Sender: strings.Trim(d.Sender, "<>"), Recipient: d.Recipient, Copy: d.Copy != ""}, r.ourHop(d)))
	}
	return together(legs)
}

// legText writes one leg. A mailbox of our own has no subaddress.
func (r *Result) legText(l Leg, hop string) string {
	recipient := l.Recipient
	local, domain, _ := cut(recipient)
	if n := split(local, r.model.delimiters); n > 0 && strings.HasPrefix(hop, "maildir ") {
		recipient = local[:n] + "@" + domain
	}
	s := strings.ToLower(recipient) + " by " + strings.ToLower(hop) + " from <" + strings.ToLower(l.Sender) + ">"
	if l.Copy {
		s = "copy " + s
	}
	return s
}

// together joins legs. A copy for somebody who gets the message anyhow is no leg
// of its own; without any leg for a recipient the message comes back.
func together(legs []string) string {
	slices.Sort(legs)
	legs = slices.Compact(legs)
	all := slices.Clone(legs)
	legs = slices.DeleteFunc(legs, func(l string) bool {
		to, is := strings.CutPrefix(l, "copy ")
		return is && slices.Contains(all, to)
	})
	if !slices.ContainsFunc(legs, func(l string) bool { return !strings.HasPrefix(l, "copy ") }) {
		return "reject"
	}
	return strings.Join(legs, "; ")
}

// notAsked finds the line that says that a table was not asked.
func (r *Result) notAsked(theirs Answer) string {
	slices.Sort(theirs.Shaped)
	for _, shaped := range theirs.Shaped {
		if l, ok := r.unasked[shaped]; ok {
			return l.String()
		}
	}
	return ""
}

// reason finds the line of the report that explains a difference; "" where there
// is none.
func (r *Result) reason(q Question, theirs Answer, d Difference) string {
	if l, ok := r.listed(q, theirs, d); ok {
		return l.String()
	}
	return ""
}

func (r *Result) listed(q Question, theirs Answer, d Difference) (Left, bool) {
	for _, shaped := range theirs.Shaped {
		if l, ok := r.shapes[shaped]; ok {
			return l, true
		}
	}
	for _, leg := range theirs.Legs {
		keys := []string{"transport:" + leg.Transport, r.model.service(leg.Transport).Command + " mailboxes"}
		if q.Sender == "" {
			keys = append(keys, nullSender+leg.Transport)
		}
		for _, key := range keys {
			if l, ok := r.shapes[key]; ok {
				return l, true
			}
		}
	}
	recipient := strings.ToLower(r.model.Main.completed(q.Recipient))
	for _, key := range r.model.keys(recipient) {
		if l, ok := r.excuse[key]; ok {
			return l, true
		}
	}
	if d.Postfix == "defer" && d.Postroad == "reject" && !r.model.isAuthorised(recipient) {
		l, ok := r.shapes[deferredStrangers]
		return l, ok
	}
	local, _, _ := cut(recipient)
	if split(local, r.model.delimiters) == 0 {
		return Left{}, false
	}
	for _, shaped := range theirs.Shaped {
		if l, ok := r.shapes[shaped+" with an extension"]; ok {
			return l, true
		}
	}
	return Left{}, false
}
