package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/explain"
	"github.com/postroad/postroad/internal/lab"
)

// visit tells what would become of a message, sends it, and tells what did.
func (d *demo) visit(ctx context.Context, n, of int, s stop) error {
	d.printf("── %d of %d: %s ──\n%s\n\n", n, of, s.title, s.why)
	told, err := d.client.Route(ctx, s.query(n))
	if err != nil {
		return err
	}
	told.Tables = nil // the same at every stop
	if err := told.Tree(d.opts.Output, d.opts.Palette); err != nil {
		return err
	}
	said, err := s.letter(n, d.smtp).Send(ctx)
	if err != nil {
		return err
	}
	d.printf("\n")
	if err := d.compare(told, said); err != nil {
		return err
	}
	return d.arrivals(ctx, n, told)
}

// compare holds the replies of the session against what was told.
func (d *demo) compare(told explain.Result, said lab.Replies) error {
	if !said.Sender.Positive() || len(said.Recipients) != len(told.Recipients) {
		return fmt.Errorf("the server said %s", said.Refusal())
	}
	for i, want := range told.Recipients {
		got := said.Recipients[i]
		if got.Positive() && len(said.Body) > 0 {
			got = said.Body[0] // the last word
		}
		d.printf("  said     %s: %s\n", want.Recipient, got)
		accepted := want.Verdict == decide.Accept.String()
		if got.Positive() != accepted || !accepted && got.String() != line(want.Reply) {
			return fmt.Errorf("%s: told %s %s, the server said %s", want.Recipient, want.Verdict, line(want.Reply), got)
		}
	}
	return nil
}

// line is a reply as a client reads it.
func line(r explain.Reply) string {
	return strings.Join(strings.Fields(fmt.Sprintf("%d %s %s", r.Code, r.Enhanced, strings.ReplaceAll(r.Text, "\n", " / "))), " ")
}

// errElsewhere is mail that goes another way than was told.
var errElsewhere = errors.New("went another way than was told")
