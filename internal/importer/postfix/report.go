package postfix

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// maxShown bounds the differences of one reason that a report writes out.
const maxShown = 5

// Report writes what was not carried over, what differs, and how both sides
// answered.
func (r *Result) Report(w io.Writer, e Equivalence) error {
	var b strings.Builder
	listing(&b, "Not carried over", r.Left)
	listing(&b, "Carried over, with a difference", r.Notes)
	unlisted := e.Unlisted()
	fmt.Fprintf(&b, "Equivalence\n\n%d envelopes were asked of the model of Postfix and of the new configuration: %d answers are the same, %d differ for a reason that is listed, %d differ without one.\n",
		e.Asked, e.Asked-len(e.Differences), len(e.Differences)-len(unlisted), len(unlisted))
	for _, reason := range reasons(e.Differences) {
		title := reason
		if title == "" {
			title = "NO REASON KNOWN"
		}
		fmt.Fprintf(&b, "\n%s\n", title)
		shown, more := 0, 0
		for _, d := range e.Differences {
			switch {
			case d.Reason != reason:
			case shown == maxShown && reason != "":
				more++
			default:
				shown++
				d.write(&b)
			}
		}
		if more > 0 {
			fmt.Fprintf(&b, "  and %d more\n", more)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (d Difference) write(b *strings.Builder) {
	fmt.Fprintf(b, "  <%s> to <%s> from %s\n    Postfix:  %s\n    postroad: %s\n", d.Question.Sender, d.Question.Recipient, d.Question.Client, d.Postfix, d.Postroad)
}

// reasons are those of differences, the unknown one first.
func reasons(all []Difference) []string {
	var out []string
	for _, d := range all {
		out = append(out, d.Reason)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// listing writes one list, its places in the order of the files.
func listing(b *strings.Builder, title string, list []Left) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(b, "%s\n\n", title)
	for _, l := range list {
		fmt.Fprintf(b, "- %s\n", l)
	}
	b.WriteByte('\n')
}
