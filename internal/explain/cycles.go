package explain

import (
	"slices"
	"strings"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
)

// aliasNode is one alias of a hosted domain; targets are keys of addresses.
type aliasNode struct {
	rule    decide.Ref
	targets []string
}

// aliasCycles finds aliases that lead back to themselves over others. An alias
// that names itself is none: it means "here as well" (virtual(5)).
func aliasCycles(s *subject) []Finding {
	g := s.aliasGraph()
	keys := make([]string, 0, len(g))
	for k := range g {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	w := walk{graph: g, done: make(map[string]bool), at: make(map[string]int)}
	var out []Finding
	for _, k := range keys {
		for _, members := range w.from(k) {
			out = append(out, about(g[members[0]].rule, "alias cycle", strings.Join(append(members, members[0]), " -> ")))
		}
	}
	return out
}

// aliasGraph has all aliases that can be listed: those written in a domain and
// those of tables in memory. An alias domain's addresses are its target's.
func (s *subject) aliasGraph() map[string]aliasNode {
	g := make(map[string]aliasNode)
	for _, d := range s.rules.Domains {
		for _, a := range d.Aliases {
			g[s.home(a.Address)] = aliasNode{rule: decide.Ref{Name: d.Ref.Name, Source: a.Source}, targets: s.homes(a.Targets)}
		}
	}
	for _, d := range s.rules.Domains {
		s.eachEntry(d.AliasTable, func(key string, values []string, source string) {
			a, err := mail.ParseAddress(key)
			if err != nil || a.Domain != d.Name {
				return
			}
			if _, written := g[s.home(a)]; !written {
				rule := decide.Ref{Name: s.rules.Tables[d.AliasTable].Rule(), Source: source}
				g[s.home(a)] = aliasNode{rule: rule, targets: s.homes(addresses(values, d.Name))}
			}
		})
	}
	return g
}

// home is the key under which an address is looked up.
func (s *subject) home(a mail.Address) string {
	if d := hostedDomain(s.rules, a.Domain); d != nil && d.AliasOf != "" {
		a.Domain = d.AliasOf
	}
	return a.Key()
}

func (s *subject) homes(all []mail.Address) []string {
	out := make([]string, 0, len(all))
	for _, a := range all {
		out = append(out, s.home(a))
	}
	return out
}

// addresses reads targets; a bare local part means the domain that it stands in.
func addresses(values []string, in mail.Domain) []mail.Address {
	var out []mail.Address
	for _, v := range values {
		if !strings.Contains(v, "@") {
			v += "@" + string(in)
		}
		if a, err := mail.ParseAddress(v); err == nil {
			out = append(out, a)
		}
	}
	return out
}

// walk goes through the graph depth first; it does not recurse on the Go stack,
// since a chain may be as long as a table.
type walk struct {
	graph map[string]aliasNode
	done  map[string]bool
	at    map[string]int // position on the path
	path  []string
	next  []int // target to follow next, for each of path
}

// from gives the cycles that close on the way from a node not yet seen.
func (w *walk) from(start string) [][]string {
	var cycles [][]string
	w.push(start)
	for len(w.path) > 0 {
		top := len(w.path) - 1
		node := w.path[top]
		targets := w.graph[node].targets
		if w.next[top] == len(targets) {
			w.pop()
			continue
		}
		to := targets[w.next[top]]
		w.next[top]++
		if i, onPath := w.at[to]; onPath {
			if to != node {
				cycles = append(cycles, slices.Clone(w.path[i:]))
			}
			continue
		}
		w.push(to)
	}
	return cycles
}

func (w *walk) push(node string) {
	if _, alias := w.graph[node]; !alias || w.done[node] {
		return
	}
	w.at[node] = len(w.path)
	w.path = append(w.path, node)
	w.next = append(w.next, 0)
}

func (w *walk) pop() {
	top := len(w.path) - 1
	delete(w.at, w.path[top])
	w.done[w.path[top]] = true
	w.path, w.next = w.path[:top], w.next[:top]
}
