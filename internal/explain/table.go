package explain

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/postroad/postroad/internal/receive"
	"github.com/postroad/postroad/internal/table"
)

// Asked is the answer of one table to one key. Its names are stable.
type Asked struct {
	Table  string   `json:"table"`
	Key    string   `json:"key"`    // as the table was asked
	Answer string   `json:"answer"` // found, not_found, try_later
	Values []string `json:"values"`
	Source string   `json:"source"`
	Cause  string   `json:"cause,omitempty"` // of try_later
}

// Words of an answer.
const (
	answerFound    = "found"
	answerNotFound = "not_found"
	answerTryLater = "try_later"
)

// Ask asks one table for one key, as a decision would. An error wraps ErrUsage.
func Ask(ctx context.Context, gen receive.Generation, name, key string) (Asked, error) {
	i := slices.IndexFunc(gen.View, func(v table.Version) bool { return v.Name == name })
	if i < 0 {
		known := map[string]bool{}
		for _, v := range gen.View {
			known[v.Name] = true
		}
		return Asked{}, fmt.Errorf("%w: there is no table %q; tables are %s", ErrUsage, name,
			strings.Join(slices.Sorted(maps.Keys(known)), ", "))
	}
	out := Asked{Table: name, Key: table.Key(key), Values: []string{}}
	a := answerOf(ctx, gen.View[i], out.Key)
	out.Source = a.Source
	out.Values = append(out.Values, a.Values...)
	switch a.Status {
	case table.Found:
		out.Answer = answerFound
	case table.NotFound:
		out.Answer = answerNotFound
	default:
		out.Answer, out.Cause = answerTryLater, "no answer"
		if a.Cause != nil {
			out.Cause = a.Cause.Error()
		}
	}
	return out, nil
}

func answerOf(ctx context.Context, v table.Version, key string) table.Answer {
	switch {
	case v.Content != nil:
		return v.Content.Lookup(key)
	case v.Remote != nil:
		return v.Remote.Lookup(ctx, key)
	}
	return table.Answer{Cause: v.Cause}
}

// Exit is 0 when the key was found, 1 when not, 75 when that cannot be told now.
func (a Asked) Exit() int {
	switch a.Answer {
	case answerFound:
		return ExitAccepted
	case answerNotFound:
		return ExitRejected
	}
	return ExitDeferred
}

// Text writes the answer for people: one line, then a line for each value.
func (a Asked) Text(w io.Writer) error {
	var b strings.Builder
	b.WriteString(strings.ReplaceAll(a.Answer, "_", " "))
	if a.Source != "" {
		b.WriteString(" (" + a.Source + ")")
	}
	if a.Cause != "" {
		b.WriteString(": " + shown(a.Cause))
	}
	b.WriteByte('\n')
	for _, v := range a.Values {
		fmt.Fprintf(&b, "  %s\n", shown(v))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// shown keeps a text of others from steering the terminal.
func shown(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}
