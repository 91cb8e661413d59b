package config

import (
	"math/big"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Values are read from the syntax tree, not from HCL's evaluated values: only the
// tree knows the place of each element, and that a key stands twice.

// plainExpr takes off parentheses.
func plainExpr(e hclsyntax.Expression) hclsyntax.Expression {
	for {
		p, is := e.(*hclsyntax.ParenthesesExpr)
		if !is {
			return e
		}
		e = p.Expression
	}
}

// what names an expression for messages.
func what(e hclsyntax.Expression) string {
	switch e := plainExpr(e).(type) {
	case *hclsyntax.TemplateExpr, *hclsyntax.TemplateWrapExpr:
		return "a text"
	case *hclsyntax.TupleConsExpr:
		return "a list"
	case *hclsyntax.ObjectConsExpr:
		return "an object"
	case *hclsyntax.ScopeTraversalExpr:
		return "a reference"
	case *hclsyntax.FunctionCallExpr:
		return "a call of " + e.Name + "()"
	case *hclsyntax.LiteralValueExpr:
		if e.Val.IsNull() {
			return "null"
		}
		switch e.Val.Type().FriendlyName() {
		case "number":
			return "a number"
		case "bool":
			return "true or false"
		}
		return "a text"
	}
	return "an expression to be computed"
}

// expected notes that something else was asked for.
func (l *loader) expected(e hclsyntax.Expression, asked string) {
	n := l.errorf(e.Range(), "%s is asked here, not %s", asked, what(e))
	if t, is := plainExpr(e).(*hclsyntax.ScopeTraversalExpr); is && len(t.Traversal) == 1 {
		n.hint("a text stands in quotes: " + quote(t.Traversal.RootName()))
	}
}

// text reads a text. HCL's templates are taken apart as far as they are constant.
func (l *loader) text(e hclsyntax.Expression) (text, bool) {
	t := text{at: e.Range()}
	switch e := plainExpr(e).(type) {
	case *hclsyntax.TemplateExpr:
		var b strings.Builder
		for _, part := range e.Parts {
			lit, is := part.(*hclsyntax.LiteralValueExpr)
			if !is || lit.Val.IsNull() || lit.Val.Type().FriendlyName() != "string" {
				l.computed(part)
				return t, false
			}
			b.WriteString(lit.Val.AsString())
		}
		t.s = b.String()
		return t, true
	case *hclsyntax.TemplateWrapExpr:
		l.computed(e)
		return t, false
	}
	l.expected(e, "a text in quotes")
	return t, false
}

func (l *loader) computed(e hclsyntax.Expression) {
	l.errorf(e.Range(), "nothing is computed inside a text").
		detail("a reference stands alone, without quotes; a literal ${ is written $${ and %%{ is written %%%%{")
}

// number reads a number; ok is false with a note when it is none.
func (l *loader) number(e hclsyntax.Expression) (*big.Float, bool) {
	if lit, is := plainExpr(e).(*hclsyntax.LiteralValueExpr); is && !lit.Val.IsNull() && lit.Val.Type().FriendlyName() == "number" {
		return lit.Val.AsBigFloat(), true
	}
	l.expected(e, "a number")
	return nil, false
}

// count reads a whole number from 1 to a thousand million.
func (l *loader) count(e hclsyntax.Expression) (int, bool) {
	f, ok := l.number(e)
	if !ok {
		return 0, false
	}
	n, exact := f.Int64()
	if exact != big.Exact || n < 1 || n > 1e9 {
		l.errorf(e.Range(), "a whole number from 1 on is asked here")
		return 0, false
	}
	return int(n), true
}

func (l *loader) percent(e hclsyntax.Expression) (float64, bool) {
	f, ok := l.number(e)
	if !ok {
		return 0, false
	}
	p, _ := f.Float64()
	if !(p >= 0 && p <= 100) {
		l.errorf(e.Range(), "a number from 0 to 100 is asked here")
		return 0, false
	}
	return p, true
}

func (l *loader) bool(e hclsyntax.Expression) (v, ok bool) {
	if lit, is := plainExpr(e).(*hclsyntax.LiteralValueExpr); is && !lit.Val.IsNull() && lit.Val.Type().FriendlyName() == "bool" {
		return lit.Val.True(), true
	}
	l.expected(e, "true or false")
	return false, false
}

// items gives the elements of a list; a value alone is a list of one.
func items(e hclsyntax.Expression) []hclsyntax.Expression {
	if t, is := plainExpr(e).(*hclsyntax.TupleConsExpr); is {
		return t.Exprs
	}
	return []hclsyntax.Expression{e}
}

// entry is one item of an object.
type entry struct {
	key   text
	value hclsyntax.Expression
}

// object reads the items of an object. Keys that stand twice are noted, since HCL
// alone keeps the last; same tells which keys are one.
func (l *loader) object(e *hclsyntax.ObjectConsExpr, same func(string) string) ([]entry, bool) {
	out := make([]entry, 0, len(e.Items))
	first := make(map[string]hcl.Range, len(e.Items))
	ok := true
	for _, item := range e.Items {
		key, good := l.key(item.KeyExpr)
		if !good {
			ok = false
			continue
		}
		if at, twice := first[same(key.s)]; twice {
			l.errorf(key.at, "%q stands a second time", key.s).detail("first at %s", where(at))
			ok = false
			continue
		}
		first[same(key.s)] = key.at
		out = append(out, entry{key: key, value: item.ValueExpr})
	}
	return out, ok
}

func (l *loader) key(e hclsyntax.Expression) (text, bool) {
	if k, is := e.(*hclsyntax.ObjectConsKeyExpr); is {
		if word := hcl.ExprAsKeyword(k.Wrapped); word != "" && !k.ForceNonLiteral {
			return text{s: word, at: k.Range()}, true
		}
		e = k.Wrapped
	}
	return l.text(e)
}

// texts reads a list of texts.
func (l *loader) texts(e hclsyntax.Expression) ([]text, bool) {
	return each(items(e), l.text)
}

// each reads all elements with read; every wrong one is noted.
func each[T any](exprs []hclsyntax.Expression, read func(hclsyntax.Expression) (T, bool)) ([]T, bool) {
	out, ok := make([]T, 0, len(exprs)), true
	for _, e := range exprs {
		v, good := read(e)
		if ok = ok && good; good {
			out = append(out, v)
		}
	}
	return out, ok
}

// parsed reads a text and parses it.
func parsed[T any](l *loader, parse func(string) (T, error)) func(hclsyntax.Expression) (T, bool) {
	return func(e hclsyntax.Expression) (T, bool) {
		var zero T
		t, ok := l.text(e)
		if !ok {
			return zero, false
		}
		v, err := parse(t.s)
		if err != nil {
			l.errorf(t.at, "%v", err)
			return zero, false
		}
		return v, true
	}
}
