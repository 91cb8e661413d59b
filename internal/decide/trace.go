package decide

import (
	"fmt"
	"strings"

	"github.com/postroad/postroad/internal/mail"
)

// traced tells whether steps are wanted, for those whose parts cost something.
func (q *query) traced() bool { return q.in.Trace }

// step adds a line to the trace. The outcome comes in parts, so that a decision
// without a trace puts no text together.
func (q *query) step(stage Stage, rule Ref, outcome ...string) {
	if q.in.Trace {
		q.steps = append(q.steps, Step{Stage: stage, Rule: rule.Name, Source: rule.Source, Outcome: strings.Join(outcome, "")})
	}
}

// stepUnknown says which table could not answer.
func (q *query) stepUnknown(stage Stage, rule Ref, what string) {
	if !q.in.Trace {
		return
	}
	if what != "" {
		what += ": "
	}
	q.step(stage, rule, "cannot tell: ", what, q.tableName(q.doubt.table), ": ", q.doubt.cause)
}

// mostSkipped bounds the lines on rules that an index passed over.
const mostSkipped = 50

// stepSkipped reports the rules from..to-1, which the index passed over because
// the attribute by which each is found names other addresses.
func (q *query) stepSkipped(stage Stage, set *ruleset, from, to int) {
	if !q.in.Trace {
		return
	}
	for i := from; i < to; i++ {
		if i-from == mostSkipped {
			q.step(stage, Ref{}, fmt.Sprintf("%d further rules do not hold: they name other addresses", to-i))
			return
		}
		q.step(stage, set.rules[i].Ref, "does not hold: ", set.axis[i].String())
	}
}

// arrow is "a -> b, c" with at most ten targets.
func arrow(from mail.Address, to ...mail.Address) string {
	const most = 10
	texts := make([]string, 0, most)
	for _, a := range to[:min(most, len(to))] {
		texts = append(texts, a.String())
	}
	text := from.String() + " -> " + strings.Join(texts, ", ")
	if len(to) > most {
		text += fmt.Sprintf(" and %d more", len(to)-most)
	}
	return text
}
