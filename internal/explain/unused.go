package explain

import (
	"github.com/postroad/postroad/internal/decide"
)

// unusedTables finds tables that nothing looks into.
func unusedTables(s *subject) []Finding {
	used := usedTables(s.rules)
	var out []Finding
	for id := range s.rules.Tables {
		if t := &s.rules.Tables[id]; !used[decide.TableID(id)] && t.Source != builtin {
			out = append(out, about(decide.Ref{Name: t.Rule(), Source: t.Source}, "unused table", "no rule looks into "+t.Rule()))
		}
	}
	return out
}

func usedTables(rules *decide.Rules) map[decide.TableID]bool {
	used := make(map[decide.TableID]bool)
	for _, r := range allRules(rules) {
		matcherTables(r.match, used)
	}
	if rules.Default != nil {
		matcherTables(rules.Default.Match, used)
	}
	for _, r := range rules.Routes {
		used[r.Lookup] = true
	}
	for _, r := range rules.Rewrites {
		matcherTables(r.Match, used)
		used[r.Table] = true
	}
	for _, l := range rules.Lists {
		used[l.Table] = true
	}
	for _, d := range rules.Domains {
		used[d.AliasTable] = true
		used[d.MailboxTable] = used[d.MailboxTable] || d.Members == decide.MembersTable
		migrationTables(d.Migration, used)
	}
	for _, t := range rules.Templates {
		migrationTables(t.Migration, used)
		used[t.From], used[t.AliasTable] = true, true
		used[t.MailboxTable] = used[t.MailboxTable] || t.Members == decide.MembersTable
	}
	for _, d := range rules.Directories {
		used[d.Owns] = true
	}
	return used
}

func migrationTables(m *decide.Migration, used map[decide.TableID]bool) {
	if m == nil {
		return
	}
	used[m.Moved] = true
	for _, f := range m.Forwards {
		used[f.Table] = true
	}
}

func matcherTables(m decide.Matchers, used map[decide.TableID]bool) {
	used[m.ClientTable] = true
	for _, patterns := range [][]decide.Pattern{m.Recipient, m.Original, m.Sender, m.Helo} {
		for _, p := range patterns {
			if p.Kind == decide.PatternTable {
				used[p.Table] = true
			}
		}
	}
	for _, e := range m.Except {
		matcherTables(e, used)
	}
}

// unusedTransports finds transports to which nothing leads. A transport(5) table
// may name any, so its values count, and where they cannot be listed nothing is
// called unused.
func unusedTransports(s *subject) []Finding {
	used := map[string]bool{}
	for _, d := range s.rules.Domains {
		used[d.Deliver] = true
		if m := d.Migration; m != nil {
			used[m.New], used[m.Old] = true, true
		}
	}
	for _, t := range s.rules.Templates {
		for _, via := range t.Deliver {
			used[via] = true
		}
		if m := t.Migration; m != nil {
			used[m.New], used[m.Old] = true, true
		}
	}
	for _, c := range s.rules.Copies {
		used[c.Via] = true
	}
	for _, r := range s.rules.Routes {
		used[r.Via] = true
		if r.Lookup != decide.NoTable && !s.namedByTable(r, used) {
			return nil
		}
	}
	if s.rules.Default != nil {
		used[s.rules.Default.Via] = true
	}
	var out []Finding
	for i := range s.rules.Transports {
		if t := &s.rules.Transports[i]; t.Source != builtin && !used[t.Name] {
			out = append(out, about(decide.Ref{Name: t.Rule(), Source: t.Source}, "unused transport", "no rule leads to "+t.Rule()))
		}
	}
	return out
}

// builtin is where a transport of the house stands.
const builtin = "builtin"
