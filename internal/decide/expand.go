package decide

import (
	"slices"
	"strings"

	"github.com/postroad/postroad/internal/mail"
)

// expansion follows one recipient through aliases to a fixed point.
type expansion struct {
	*judgment
	seen map[mail.Address]bool // final recipients found, from the second on
	done map[string]bool       // aliases expanded: a second way to one adds nothing
	open *ruling               // why nothing can be said yet: ends the expansion
	top  *crowd                // the alias that was given; nil: none was
	over bool                  // it leads to more than may be delivered at once
}

// branch is one address on its way, and how it was reached.
type branch struct {
	address  mail.Address
	expanded mail.Address
	aliased  bool
	depth    int     // aliases passed
	key      string  // of the address, once it was looked up
	up       *branch // the alias from which it came
}

// expand finds the final recipients. It defers when a table is away or aliases are
// nested too deep, and refuses when nothing but a cycle is left: mail is never dropped.
func (j *judgment) expand() ruling {
	x := &expansion{judgment: j}
	root := branch{address: j.entry}
	if j.entry != j.given.Address {
		if root.address = j.given.Address; x.loops(&root) {
			return accepted()
		}
		root.expanded, root.address = j.given.Address, j.entry
	}
	if root.address.Domain == "" {
		to, ok := j.postmasterName()
		if !ok || !isPostmaster(root.address) {
			j.step(StageAddress, Ref{}, "not hosted here")
			return unknownUser()
		}
		root.expanded, root.address = root.address, to
	}
	x.follow(&root)
	switch {
	case x.over:
		x.becomeList()
	case x.open != nil:
		return *x.open
	case len(j.members) == 0:
		j.step(StageExpand, Ref{}, "nothing is left but a cycle")
		return mailLoops()
	}
	return accepted()
}

// follow takes one address to its mailbox, its aliases or out of the house.
func (x *expansion) follow(b *branch) {
	if r := x.schemeAt(b.address); r != nil && r.isOpenTo(x.space) {
		x.reverse(b, r)
		return
	}
	if to, changed := x.realName(b.address); changed {
		if x.loops(b) {
			return
		}
		b.expanded, b.address = b.address, to
	}
	d := x.domainAt(b.address.Domain)
	switch {
	case d == nil:
		x.foreign(b)
		return
	case d.cause != "":
		x.step(StageAddress, d.Ref, "cannot tell: ", d.cause)
		x.stop(tryLater())
		return
	case !x.space.isOwn(d):
		x.step(StageAddress, Ref{}, string(d.Name), " is hosted here, by ", d.owner())
		x.add(b, mail.Address{})
		return
	}
	s := x.subject(b.address)
	b.key = s.key
	e := x.find(d, &s)
	if e.wild && x.routed(b) {
		return
	}
	switch e.kind {
	case entryAway:
		x.stepUnknown(StageAddress, d.Ref, "")
		x.stop(tryLater())
	case entryUnknown:
		x.step(StageAddress, d.Ref, b.key, " is no mailbox or alias")
		x.refuse(b, unknownUser())
	case entryMailbox:
		x.step(StageAddress, e.rule, b.key, " is a mailbox")
		x.add(b, x.mailboxOf(b.address))
	case entryList:
		x.list(b, e.list)
	case entryAlias:
		x.alias(b, e)
	}
}

// foreign ends at an address of another house.
func (x *expansion) foreign(b *branch) {
	if b.address != x.given.Address && x.routed(b) {
		return
	}
	if b.up == nil {
		x.step(StageAddress, Ref{}, string(b.address.Domain), " is not hosted here")
	} else {
		x.step(StageAddress, Ref{}, string(b.address.Domain), " is not hosted here: forwarded")
	}
	x.add(b, mail.Address{})
}

// routed refuses a local part that carries a route of its own where nothing names
// all of it, a wildcard or the part before a subaddress, and the client may not
// relay: it would be handed on to a server that might follow it (SEMANTICS 22).
func (x *expansion) routed(b *branch) bool {
	if b.up != nil || !hasRoute(x.given.Address) || x.in.Facts.Origin != OriginSMTP {
		return false
	}
	switch _, proven := x.grant(); proven {
	case yes, later:
		return false
	case unknown:
		x.stop(tryLater())
	default:
		x.step(StageAddress, Ref{}, "sender-specified routing from an unknown client")
		x.refuse(b, routingRefused())
	}
	return true
}

// alias follows the targets of an alias.
func (x *expansion) alias(b *branch, e entry) {
	targets, ok := x.targets(b, e)
	if !ok {
		x.stop(misconfigured())
		return
	}
	if x.traced() {
		x.step(StageExpand, e.rule, arrow(b.address, targets...))
	}
	if b.up == nil {
		x.top = &crowd{branch: b, rule: e.rule, targets: targets}
	}
	if len(targets) == 1 && targets[0].Key() == b.key {
		x.add(b, x.mailboxOf(b.address))
		return
	}
	if x.done[b.key] {
		return
	}
	if b.depth >= x.limits.AliasDepth {
		x.step(StageExpand, e.rule, "aliases are nested too deep")
		x.stop(tryLater())
		return
	}
	if x.loops(b) {
		return
	}
	if x.done == nil {
		x.done = map[string]bool{}
	}
	x.done[b.key] = true
	for _, t := range targets {
		if x.open != nil {
			return
		}
		x.target(b, e, t)
	}
}

// target follows one target: the alias itself is the mailbox of that name, what
// was passed on the way already is a cycle and left out.
func (x *expansion) target(b *branch, e entry, to mail.Address) {
	next := &branch{address: to, expanded: b.address, aliased: true, depth: b.depth + 1, up: b}
	if to.Key() == b.key {
		x.step(StageAddress, e.rule, b.key, " names itself: a mailbox")
		x.add(next, x.mailboxOf(to))
		return
	}
	if x.isCycle(b, to) {
		x.step(StageExpand, e.rule, "cycle left out: ", b.key, " -> ", to.Local, "@", string(to.Domain))
		return
	}
	x.follow(next)
}

// isCycle tells whether the address was passed on the way.
func (x *expansion) isCycle(b *branch, a mail.Address) bool {
	key := a.Key()
	for ; b != nil; b = b.up {
		if b.key == key {
			return true
		}
	}
	return false
}

// loops refuses an address that would be expanded a second time by this message:
// it came back with the Delivered-To that was written when it left (RFC 9228).
func (x *expansion) loops(b *branch) bool {
	if !x.final {
		return false
	}
	key := b.address.Key()
	if !slices.ContainsFunc(x.in.Facts.DeliveredTo, func(a mail.Address) bool { return a.Key() == key }) {
		return false
	}
	x.step(StageExpand, Ref{}, "loop: Delivered-To has ", key, " already")
	x.refuse(b, mailLoops())
	return true
}

// add takes a final recipient in, once.
func (x *expansion) add(b *branch, mailbox mail.Address) {
	m := member{address: b.address, mailbox: mailbox, expanded: b.expanded, aliased: b.aliased, ruling: accepted()}
	x.take(m)
}

// refuse takes in a recipient that is refused.
func (x *expansion) refuse(b *branch, r ruling) {
	m := member{address: b.address, expanded: b.expanded, aliased: b.aliased, ruling: r}
	m.leg = x.legOf(&m)
	m.leg.Reply = r.reply
	x.take(m)
}

func (x *expansion) take(m member) {
	if len(x.members) >= x.limits.AliasFanout {
		x.over = x.top != nil
		x.stop(tryLater())
		return
	}
	if len(x.members) > 0 {
		if x.seen == nil {
			x.seen = map[mail.Address]bool{x.identity(&x.members[0]): true}
		}
		id := x.identity(&m)
		if x.seen[id] {
			return
		}
		x.seen[id] = true
	}
	x.members = append(x.members, m)
}

// identity is the address under which a final recipient is the same: without
// case in a hosted domain, as it is elsewhere.
func (x *expansion) identity(m *member) mail.Address {
	a := m.address
	if x.domainAt(a.Domain) != nil {
		a.Local = strings.ToLower(a.Local)
	}
	return a
}

func (x *expansion) stop(r ruling) {
	if x.open == nil {
		x.open = &r
	}
}
