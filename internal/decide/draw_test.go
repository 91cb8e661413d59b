package decide

import (
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// The properties draw small worlds in which names meet often.

var (
	ourDomains   = []string{"a.example", "b.example", "c.example"}
	theirDomains = []string{"f.example", "sub.f.example", "g.example"}
	localParts   = []string{"ann", "bob", "ann+x", "team", "list", "postmaster", "u%v", "nobody"}
)

func drawAddress(t *rapid.T, domains []string) string {
	return rapid.SampledFrom(localParts).Draw(t, "local") + "@" + rapid.SampledFrom(domains).Draw(t, "domain")
}

func anyDomain() []string { return append(slices.Clone(ourDomains), theirDomains...) }

func drawList(t *rapid.T, most int, draw func() string) string {
	var out []string
	for range rapid.IntRange(1, most).Draw(t, "n") {
		out = append(out, draw())
	}
	return strings.Join(out, ",")
}

// drawPatterns draws the value of an address matcher.
func drawPatterns(t *rapid.T) string {
	return drawList(t, 3, func() string {
		switch rapid.IntRange(0, 5).Draw(t, "kind") {
		case 0:
			return drawAddress(t, anyDomain())
		case 1:
			return "." + rapid.SampledFrom([]string{"example", "f.example"}).Draw(t, "parent")
		case 2:
			return rapid.SampledFrom(localParts).Draw(t, "local") + "@"
		case 3:
			return rapid.SampledFrom([]string{"*", "<>", "table.names", "table.names"}).Draw(t, "other")
		}
		return rapid.SampledFrom(anyDomain()).Draw(t, "domain")
	})
}

func drawMatchers(t *rapid.T) string {
	var out []string
	for range rapid.IntRange(0, 3).Draw(t, "matchers") {
		switch rapid.IntRange(0, 8).Draw(t, "matcher") {
		case 0, 1:
			out = append(out, "recipient="+drawPatterns(t))
		case 2:
			out = append(out, "sender="+drawPatterns(t))
		case 3:
			out = append(out, "original="+drawPatterns(t))
		case 4:
			out = append(out, "client=10.0.0.0/9")
		case 5:
			out = append(out, "tag=spam")
		case 6:
			out = append(out, "size=>100")
		case 7:
			out = append(out, "percent=50")
		case 8:
			out = append(out, "except(recipient="+drawPatterns(t)+")")
		}
	}
	return strings.Join(out, " ")
}

// drawWorld draws rules as text. how is what the tables are: "", "remote", "away".
func drawWorld(t *rapid.T) func(how string) string {
	var b strings.Builder
	b.WriteString("postmaster bob@a.example\ntransport lmtp store\ntransport smtp hub\ntransport smtp vpn\n" +
		"transport reject refuse reply='550 5.7.1 no'\nlimits depth=5 fanout=20\n")
	for _, d := range ourDomains {
		fmt.Fprintf(&b, "domain %s deliver=store mailboxes=%s %s\n", d,
			rapid.SampledFrom([]string{"ann,bob", "any", "table.users", "table.users"}).Draw(t, "boxes"),
			rapid.SampledFrom([]string{"", "subaddress=+", "aliases=table.aliases", "aliases=table.aliases subaddress=+"}).Draw(t, "more"))
		if rapid.Bool().Draw(t, "inline") {
			fmt.Fprintf(&b, "  list %s\n", drawList(t, 3, func() string { return drawAddress(t, anyDomain()) }))
		}
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "denies") {
		fmt.Fprintf(&b, "deny d%d sender=%s %s\n", i, drawPatterns(t), drawMatchers(t))
	}
	b.WriteString("relay inside client=10.0.0.0/8\n")
	for i := range rapid.IntRange(0, 6).Draw(t, "routes") {
		via := rapid.SampledFrom([]string{"via=hub", "via=vpn", "via=refuse", "lookup=table.map"}).Draw(t, "via")
		fmt.Fprintf(&b, "route r%d %s %s\n", i, via, drawMatchers(t))
	}
	if rapid.Bool().Draw(t, "copy") {
		fmt.Fprintf(&b, "copy c to=arch@g.example %s\n", drawMatchers(t))
	}
	tables := drawTables(t)
	return func(how string) string {
		return b.String() + strings.ReplaceAll(tables, "HOW", how)
	}
}

func drawTables(t *rapid.T) string {
	var b strings.Builder
	b.WriteString("table names list HOW\n")
	for range rapid.IntRange(0, 3).Draw(t, "names") {
		fmt.Fprintf(&b, "  %s\n", rapid.SampledFrom([]string{"ann@a.example", "f.example", ".f.example", "team@", "b.example"}).Draw(t, "name"))
	}
	b.WriteString("table users list HOW\n")
	for range rapid.IntRange(0, 3).Draw(t, "users") {
		fmt.Fprintf(&b, "  %s\n", drawAddress(t, ourDomains))
	}
	b.WriteString("table aliases virtual HOW\n")
	for range rapid.IntRange(0, 3).Draw(t, "aliases") {
		fmt.Fprintf(&b, "  %s %s\n", drawAddress(t, ourDomains), drawList(t, 3, func() string { return drawAddress(t, anyDomain()) }))
	}
	b.WriteString("table map transport HOW\n")
	for range rapid.IntRange(0, 3).Draw(t, "ways") {
		fmt.Fprintf(&b, "  %s %s\n", rapid.SampledFrom([]string{"f.example", ".f.example", "a.example", "*", "ann@a.example"}).Draw(t, "key"),
			rapid.SampledFrom([]string{"hub:", ":", ":[x.example]", "error:no", "vpn:[y.example]", "gone:"}).Draw(t, "way"))
	}
	return b.String()
}

func drawEnvelope(t *rapid.T, client string) envelope {
	e := parseEnvelope("send client=" + client + " to=" + drawList(t, 3, func() string { return drawAddress(t, anyDomain()) }))
	e.in.Sender = path(rapid.SampledFrom([]string{"<>", "ann@a.example", "s@f.example", "x@sub.f.example"}).Draw(t, "sender"))
	if rapid.Bool().Draw(t, "spam") {
		e.in.Facts.Tags = []string{"spam"}
	}
	e.in.Facts.Size = rapid.SampledFrom([]int64{10, 1000}).Draw(t, "size")
	return e
}
