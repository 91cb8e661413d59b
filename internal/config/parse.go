package config

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// HCL's parser goes down by recursion, so that brackets and operators without end
// would exhaust the stack, which nothing can recover. No configuration comes near
// these bounds.
const (
	maxDepth     = 64
	maxOperators = 10_000
)

// parse reads one file. ok is false when its syntax is broken; then nothing else
// of the configuration is judged, since every other error may follow from it.
func (l *loader) parse(name string, src []byte) (body *hclsyntax.Body, ok bool) {
	start := hcl.Pos{Line: 1, Column: 1}
	if rng, what := tooDeep(src, name, start); what != "" {
		l.errorf(rng, "%s", what)
		return nil, false
	}
	file, diags := hclsyntax.ParseConfig(src, name, start)
	for _, d := range diags {
		l.addHCL(d)
	}
	if diags.HasErrors() {
		return nil, false
	}
	body, ok = file.Body.(*hclsyntax.Body)
	return body, ok
}

// tooDeep finds nesting or operators beyond the bounds.
func tooDeep(src []byte, name string, start hcl.Pos) (hcl.Range, string) {
	tokens, _ := hclsyntax.LexConfig(src, name, start)
	depth, operators := 0, 0
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenOQuote,
			hclsyntax.TokenOHeredoc, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			depth++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenCQuote,
			hclsyntax.TokenCHeredoc, hclsyntax.TokenTemplateSeqEnd:
			depth = max(0, depth-1)
		case hclsyntax.TokenMinus, hclsyntax.TokenBang, hclsyntax.TokenQuestion, hclsyntax.TokenPlus,
			hclsyntax.TokenStar, hclsyntax.TokenSlash, hclsyntax.TokenPercent, hclsyntax.TokenAnd, hclsyntax.TokenOr,
			hclsyntax.TokenEqualOp, hclsyntax.TokenNotEqual, hclsyntax.TokenLessThan, hclsyntax.TokenLessThanEq,
			hclsyntax.TokenGreaterThan, hclsyntax.TokenGreaterThanEq:
			operators++
		}
		if depth > maxDepth {
			return t.Range, fmt.Sprintf("brackets or blocks nested more than %d deep", maxDepth)
		}
		if operators > maxOperators {
			return t.Range, fmt.Sprintf("more than %d operators in one file", maxOperators)
		}
	}
	return hcl.Range{}, ""
}
