package decide

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/table"
)

// The tests write rules as text, a block a line and the entries of a table or
// the aliases of a domain indented below it:
//
//	domain example.com mailboxes=ann,bob subaddress=+ deliver=mailstore
//	  sales ann, crm@foreign.example
//	route partner recipient=partner.example,.partner.example via=vpn except(sender=boss@)
//	table users list
//	  ann@example.com
//
// Any table may say "away" (it never answers) or "remote" (answers come by Needs).

// world is compiled rules with their tables.
type world struct {
	rules    *Rules
	snapshot *Snapshot
	view     table.View
	remote   map[TableID]*content
	names    map[string]TableID
	secrets  map[string][][]byte // of schemes
}

// content is a table in memory.
type content struct {
	name    string
	entries map[string][]string
	order   []string
	whole   bool
}

func (c *content) Lookup(key string) table.Answer {
	if !c.whole {
		v, ok := c.entries[key]
		if !ok {
			return table.Answer{Status: table.NotFound}
		}
		return table.Answer{Status: table.Found, Values: v, Source: c.name + ":" + strconv.Itoa(slices.Index(c.order, key)+1)}
	}
	for i, p := range c.order {
		if wholeMatch(p, key) {
			return table.Answer{Status: table.Found, Values: c.entries[p], Source: c.name + ":" + strconv.Itoa(i+1)}
		}
	}
	return table.Answer{Status: table.NotFound}
}

func (c *content) Whole() bool { return c.whole }
func (c *content) Len() int    { return len(c.entries) }

func wholeMatch(pattern, key string) bool {
	if p, err := netip.ParsePrefix(pattern); err == nil {
		a, err := netip.ParseAddr(key)
		return err == nil && p.Contains(a)
	}
	return regexp.MustCompile(pattern).MatchString(key)
}

// parseWorld reads rules; it panics on what a test wrote wrong.
func parseWorld(text string) *world {
	w := &world{rules: &Rules{Generation: "test", Hostname: "mx.example"}, remote: map[TableID]*content{}, names: map[string]TableID{}}
	blocks := blocksOf(text)
	for _, b := range blocks {
		if b.words[0] == "table" {
			w.table(b)
		}
	}
	for i, b := range blocks {
		w.block(b, Ref{Name: b.words[0] + "." + b.name(), Source: "rules:" + strconv.Itoa(i+1)})
	}
	s, err := Compile(w.rules)
	if err != nil {
		panic(err)
	}
	w.snapshot = s
	return w
}

type block struct {
	words []string
	below []string
}

func (b block) name() string {
	if len(b.words) > 1 {
		return b.words[1]
	}
	return ""
}

func blocksOf(text string) []block {
	var out []block
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n ")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case line[0] == ' ' || line[0] == '\t':
			last := &out[len(out)-1]
			last.below = append(last.below, strings.TrimSpace(line))
		default:
			out = append(out, block{words: words(line)})
		}
	}
	return out
}

// words splits at spaces outside quotes and parentheses; quotes are taken off
// where they wrap the value of an attribute.
func words(line string) []string {
	var out []string
	var b strings.Builder
	depth, quoted := 0, false
	for _, r := range line {
		switch {
		case r == '\'':
			quoted = !quoted
			continue
		case r == '(' && !quoted:
			depth++
		case r == ')' && !quoted:
			depth--
		case r == ' ' && !quoted && depth == 0:
			if b.Len() > 0 {
				out = append(out, b.String())
			}
			b.Reset()
			continue
		}
		b.WriteRune(r)
	}
	if b.Len() > 0 {
		out = append(out, b.String())
	}
	return out
}

func (w *world) table(b block) {
	id := TableID(len(w.rules.Tables))
	format := b.words[2]
	w.names[b.name()] = id
	w.rules.Tables = append(w.rules.Tables, TableInfo{Name: b.name(), Format: format})
	c := &content{name: b.name(), entries: map[string][]string{}, whole: isWholeFormat(format)}
	for _, line := range b.below {
		key, value, _ := strings.Cut(line, " ")
		c.order = append(c.order, key)
		if value = strings.TrimSpace(value); value != "" {
			c.entries[key] = []string{value}
		} else {
			c.entries[key] = nil
		}
	}
	v := table.Version{Name: b.name()}
	switch {
	case slices.Contains(b.words, "away"):
		v.Cause = errors.New("stalled")
	case slices.Contains(b.words, "remote"):
		v.Remote = noSource{}
		w.remote[id] = c
	default:
		v.Content = c
	}
	w.view = append(w.view, v)
}

func (w *world) id(name string) TableID {
	id, ok := w.names[strings.TrimPrefix(name, "table.")]
	if !ok {
		panic("no table " + name)
	}
	return id
}

func (w *world) block(b block, ref Ref) {
	r := w.rules
	a := w.attributes(b.words[1:])
	tenant := a.word("tenant")
	if tenant != "" {
		ref.Name = "tenant." + tenant + "." + ref.Name
	}
	switch b.words[0] {
	case "table":
	case "hostname":
		r.Hostname = mail.Domain(b.name())
	case "postmaster":
		r.Postmaster = address(b.name())
	case "limits":
		r.Limits = Limits{MaxReceived: a.number("received"), AliasDepth: a.number("depth"), AliasFanout: a.number("fanout")}
	case "domain":
		r.Domains = append(r.Domains, w.domain(b, a, ref))
	case "deny":
		r.Deny = append(r.Deny, Deny{Ref: ref, Tenant: tenant, Match: a.match, Reply: a.reply()})
	case "relay":
		r.Relay = append(r.Relay, Relay{Ref: ref, Tenant: tenant, Match: a.match})
	case "route":
		route := Route{Ref: ref, Tenant: tenant, Match: a.match, Via: a.word("via"), Lookup: NoTable, Hosted: a.flag("hosted")}
		if t := a.word("lookup"); t != "" {
			route.Lookup = w.id(t)
		}
		if b.name() == "default" {
			r.Default = &route
			return
		}
		r.Routes = append(r.Routes, route)
	case "copy":
		r.Copies = append(r.Copies, Copy{Ref: ref, Tenant: tenant, Match: a.match, To: address(a.word("to")), Via: a.word("via")})
	case "rewrite":
		r.Rewrites = append(r.Rewrites, w.rewrite(b, a, ref))
	case "list":
		one := List{Ref: ref, Tenant: tenant, Address: address(b.name()), Owner: address(a.word("owner")), Table: NoTable}
		for _, m := range b.below {
			one.Members = append(one.Members, address(m))
		}
		r.Lists = append(r.Lists, one)
	case "srs":
		one := SRS{Ref: ref, Tenant: tenant, Name: Scoped(tenant, b.name()), Domain: mail.Domain(a.word("domain")), Anybody: a.word("accept") == "all"}
		if w.secrets == nil {
			w.secrets = map[string][][]byte{}
		}
		for _, k := range a.list("secret") {
			w.secrets[one.Name] = append(w.secrets[one.Name], []byte(k))
		}
		r.SRS = append(r.SRS, one)
	case "transport":
		ref.Name = b.words[2]
		r.Transports = append(r.Transports, Transport{Ref: ref, Tenant: tenant, Kind: b.words[1], Reply: a.reply(), Folders: a.word("folders") != "", Keep: Keep(a.word("keep"))})
	case "listener":
		l := Listener{Name: b.name(), Login: a.list("login"), Client: prefixes(a.list("client")), Source: ref.Source}
		l.LoginOptional = a.word("optional") == "yes"
		r.Listeners = append(r.Listeners, l)
	case "directory":
		d := Directory{Name: b.name(), Tenant: tenant, Owns: NoTable, Source: ref.Source}
		if t := a.word("owns"); t != "" {
			d.Owns = w.id(t)
		}
		d.Through = OwnsThrough{AliasOf: slices.Contains(a.list("through"), "alias_of"), Aliases: slices.Contains(a.list("through"), "aliases")}
		r.Directories = append(r.Directories, d)
	case "tenant":
		t := Tenant{Ref: ref, Name: b.name(), MaxSize: int64(a.number("maxsize"))}
		if p := a.word("postmaster"); p != "" {
			t.Postmaster = address(p)
		}
		r.Tenants = append(r.Tenants, t)
	case "domains":
		r.Templates = append(r.Templates, w.template(a, ref))
	default:
		panic("unknown block " + b.words[0])
	}
}

// template reads from=, mailboxes=, aliases=, catch_all=, subaddress= and
// deliver=word:transport of many domains.
func (w *world) template(a attributes, ref Ref) Template {
	t := Template{
		Ref: ref, From: w.id(a.word("from")), MailboxTable: NoTable, AliasTable: NoTable,
		CatchAll: a.word("catch_all"), Subaddress: a.word("subaddress"), Deliver: map[string]string{},
	}
	switch boxes := a.word("mailboxes"); {
	case boxes == "any":
		t.Members = MembersAny
	case strings.HasPrefix(boxes, "ask."):
		t.Members, t.MailboxTable = MembersAsk, w.id("table."+strings.TrimPrefix(boxes, "ask."))
	case boxes != "":
		t.Members, t.MailboxTable = MembersTable, w.id(boxes)
	}
	if aliases := a.word("aliases"); aliases != "" {
		t.AliasTable = w.id(aliases)
	}
	if a.word("new") != "" {
		t.Migration = w.migration(a, ref)
	}
	for _, way := range a.list("deliver") {
		word, transport, _ := strings.Cut(way, ":")
		t.Deliver[word] = transport
	}
	return t
}

func (w *world) domain(b block, a attributes, ref Ref) Domain {
	d := Domain{
		Ref: ref, Name: mail.Domain(b.name()), Tenant: a.word("tenant"), AliasOf: mail.Domain(a.word("alias_of")),
		MailboxTable: NoTable, AliasTable: NoTable, Subaddress: a.word("subaddress"), SRS: a.word("srs"), Deliver: a.word("deliver"),
	}
	switch boxes := a.word("mailboxes"); {
	case boxes == "":
	case boxes == "any":
		d.Members = MembersAny
	case strings.HasPrefix(boxes, "ask."):
		d.Members, d.MailboxTable = MembersAsk, w.id("table."+strings.TrimPrefix(boxes, "ask."))
	case strings.HasPrefix(boxes, "table."):
		d.Members, d.MailboxTable = MembersTable, w.id(boxes)
	default:
		d.Members = MembersList
		for _, m := range a.list("mailboxes") {
			d.Mailboxes = append(d.Mailboxes, localAddress(m, d.Name))
		}
	}
	if t := a.word("aliases"); t != "" {
		d.AliasTable = w.id(t)
	}
	if a.word("new") != "" {
		d.Migration = w.migration(a, ref)
	}
	for _, c := range a.list("catch_all") {
		d.CatchAll = append(d.CatchAll, localAddress(c, d.Name))
	}
	for i, line := range b.below {
		key, targets, _ := strings.Cut(line, " ")
		al := Alias{Address: localAddress(key, d.Name), Source: fmt.Sprintf("%s:%d", ref.Name, i+1)}
		for _, t := range strings.Split(targets, ",") {
			al.Targets = append(al.Targets, localAddress(strings.TrimSpace(t), d.Name))
		}
		d.Aliases = append(d.Aliases, al)
	}
	return d
}

// migration reads new=, old=, moved=, homes=, home= (the default), share=,
// unknown=try-other, both=yes and dry_run=yes of a domain.
func (w *world) migration(a attributes, ref Ref) *Migration {
	m := &Migration{
		Source: ref.Source, New: a.word("new"), Old: a.word("old"), Homes: NoTable, Moved: NoTable,
		TryOther: a.word("unknown") == "try-other", Both: a.word("both") == "yes", DryRun: a.word("dry_run") == "yes",
		Percent: float64(a.number("share")),
	}
	if a.word("home") == "new" {
		m.Default = SideNew
	}
	if t := a.word("moved"); t != "" {
		m.Moved = w.id(t)
	}
	if t := a.word("homes"); t != "" {
		m.Homes = w.id(t)
	}
	return m
}

func localAddress(s string, d mail.Domain) mail.Address {
	if name, ok := strings.CutPrefix(s, "@"); ok {
		return mail.Address{Domain: mail.Domain(name)}
	}
	if !strings.Contains(s, "@") {
		return mail.Address{Local: s, Domain: d}
	}
	return address(s)
}

func address(s string) mail.Address {
	if strings.EqualFold(s, "postmaster") {
		return mail.Address{Local: s}
	}
	a, err := mail.ParseAddress(s)
	if err != nil {
		panic(s + ": " + err.Error())
	}
	return a
}

func prefixes(list []string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range list {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			a := netip.MustParseAddr(s)
			p = netip.PrefixFrom(a, a.BitLen())
		}
		out = append(out, p)
	}
	return out
}

// rewrite: envelope=sender,recipient headers=From,To when=leaving table=NAME, or
// lines "key value" below it.
func (w *world) rewrite(b block, a attributes, ref Ref) Rewrite {
	r := Rewrite{Ref: ref, Tenant: a.word("tenant"), Match: a.match, Leaving: a.word("when") == "leaving", Headers: a.list("headers"), Table: NoTable}
	for _, part := range a.list("envelope") {
		r.Sender = r.Sender || part == "sender"
		r.Recipient = r.Recipient || part == "recipient"
	}
	if t := a.word("table"); t != "" {
		r.Table = w.id(t)
	}
	for i, line := range b.below {
		key, value, _ := strings.Cut(line, " ")
		r.Map = append(r.Map, Mapping{Key: key, To: value, Source: fmt.Sprintf("%s:%d", ref.Name, i+1)})
	}
	return r
}
