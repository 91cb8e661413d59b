package server

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/deliver"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/migrate"
	"github.com/postroad/postroad/internal/receive"
	"github.com/postroad/postroad/internal/server/control"
	"github.com/postroad/postroad/internal/spool"
	"github.com/postroad/postroad/internal/table"
)

// Migrate changes where addresses of a domain live, or whether its cut-over goes
// on. Queued mail follows at once.
func (b backend) Migrate(ctx context.Context, action string, o control.MigrationOrder) (control.Migrated, error) {
	order, _, err := b.order(ctx, o)
	if err != nil {
		return control.Migrated{}, err
	}
	out := control.Migrated{Addresses: o.Addresses}
	switch action {
	case migrate.ActionMove:
		err = b.book.Move(order)
	case migrate.ActionRollback:
		out.Addresses, err = b.book.Rollback(order)
	default:
		err = b.book.Resume(order)
	}
	if err != nil {
		return control.Migrated{}, err
	}
	n, err := b.Change(ctx, spool.Filter{Domain: order.Domain}, spool.ActionRetry, nil)
	out.Jobs = int(n.Jobs)
	return out, err
}

// order holds an order against the configuration, and gives its domain.
func (b backend) order(ctx context.Context, o control.MigrationOrder) (migrate.Order, decide.Domain, error) {
	out := migrate.Order{By: o.By, Force: o.Force}
	d, err := mail.ParseDomain(o.Domain)
	g := b.Pin()
	hosted, status := deliver.DomainAt(ctx, g.Config.Snapshot, g.View, d)
	switch {
	case err == nil && status == table.TryLater:
		return out, hosted, fmt.Errorf("%w: whether %s is hosted here cannot be told now", control.ErrOrder, d)
	case err != nil || hosted.Migration == nil:
		return out, hosted, fmt.Errorf("%w: %q is no domain with a migration", control.ErrOrder, o.Domain)
	}
	out.Domain = d
	for _, text := range o.Addresses {
		if !strings.Contains(text, "@") {
			text += "@" + string(d)
		}
		a, err := mail.ParseAddress(text)
		if err != nil || a.Domain != d {
			return out, hosted, fmt.Errorf("%w: %q is no address of %s", control.ErrOrder, text, d)
		}
		out.Addresses = append(out.Addresses, a)
	}
	return out, hosted, nil
}

// MigrationStatus tells who lives where, as far as addresses are written down
// somewhere, and what the book has.
func (b backend) MigrationStatus(ctx context.Context, domain string) (control.MigrationStatus, error) {
	o, d, err := b.order(ctx, control.MigrationOrder{Domain: domain})
	if err != nil {
		return control.MigrationStatus{}, err
	}
	g := b.Pin()
	m := d.Migration
	out := control.MigrationStatus{
		Domain: string(o.Domain), New: m.New, Old: m.Old, Default: m.Default.String(), Percent: m.Percent,
		TryOther: m.TryOther, Both: m.Both, DryRun: m.DryRun,
		Account: b.book.Account(o.Domain), Homes: []control.Home{},
	}
	known, more := mailboxesOf(g, &d, out.Account)
	out.More = more
	for _, key := range known {
		out.Homes = append(out.Homes, homeOf(ctx, g, key))
	}
	return out, nil
}

func homeOf(ctx context.Context, g receive.Generation, key string) control.Home {
	local, domain, _ := strings.Cut(key, "@")
	h, status := deliver.HomeOf(ctx, g.Config.Snapshot, g.View, mail.Address{Local: local, Domain: mail.Domain(domain)})
	out := control.Home{Address: key, Side: h.Side.String(), Rule: h.Rule.Name, Source: h.Rule.Source}
	switch {
	case status != table.Found:
		out.Side = "unknown"
	case h.Domain == "":
		out.Side = "dry run"
	}
	return out
}

// homesMost bounds the addresses that a status tells.
const homesMost = 10000

// mailboxesOf lists the addresses of a domain that are written down: mailboxes,
// moved ones, recorded ones. more tells that there are others.
func mailboxesOf(g receive.Generation, d *decide.Domain, a migrate.Account) (list []string, more bool) {
	found := map[string]bool{}
	add := func(key string) {
		if strings.HasSuffix(key, "@"+string(d.Name)) && key[0] != '@' {
			found[key] = true
		}
	}
	for _, key := range slices.Concat(a.Moved, a.Back, a.OnlyOld, a.OnlyNew) {
		add(key)
	}
	for _, m := range d.Mailboxes {
		add(m.Key())
	}
	tables := []decide.TableID{d.Migration.Moved}
	if d.Members == decide.MembersTable {
		tables = append(tables, d.MailboxTable)
	}
	for _, id := range tables {
		more = !eachKey(g, id, add) || more
	}
	more = more || d.Members == decide.MembersAny || d.Members == decide.MembersAsk
	list = slices.Sorted(maps.Keys(found))
	if len(list) > homesMost {
		list, more = list[:homesMost], true
	}
	return list, more
}

// eachKey goes through the keys of a table and tells whether it could.
func eachKey(g receive.Generation, id decide.TableID, add func(string)) bool {
	if id == decide.NoTable {
		return true
	}
	l, ok := g.View[id].Content.(interface {
		Each(f func(key string, a table.Answer) bool)
	})
	if !ok {
		return false
	}
	l.Each(func(key string, _ table.Answer) bool { add(key); return true })
	return true
}

// migrationDomains lists the domains that have a migration; of those that come
// from tables the ones of which the book knows something.
func migrationDomains(c *config.Config, book *migrate.Book) []mail.Domain {
	var out []mail.Domain
	for i := range c.Rules.Templates {
		if c.Rules.Templates[i].Migration != nil {
			out = book.Domains()
			break
		}
	}
	for _, d := range c.Rules.Domains {
		if d.Migration != nil && !slices.Contains(out, d.Name) {
			out = append(out, d.Name)
		}
	}
	return out
}
