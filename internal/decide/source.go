package decide

import (
	"net/netip"

	"github.com/postroad/postroad/internal/mail"
)

// Rules is the source form of a Snapshot: what config read, validated and with
// references resolved to names and indexes, but not compiled. Compile turns it
// into a Snapshot. It is plain data, so that check can reason about it.
type Rules struct {
	Generation  string // hash of the sources, 12 or more hex digits
	Hostname    mail.Domain
	Postmaster  mail.Address // zero: postmaster@Hostname is not mapped anywhere
	Tables      []TableInfo  // a TableID is an index into it, and into a table.View
	Deny        []Deny
	Relay       []Relay
	Domains     []Domain
	Routes      []Route // in file order, without the default
	Default     *Route  // nil: the built-in mx transport
	Copies      []Copy
	Transports  []Transport // the built-in ones included (see Builtin)
	Listeners   []Listener
	Directories []Directory
	Tenants     []Tenant
	Templates   []Template // many domains from tables; Domains come before them
	Rewrites    []Rewrite  // in file order
	SRS         []SRS
	Lists       []List
	Limits      Limits
}

// Ref names a rule and where it stands: "route.partner", "postroad.hcl:31".
type Ref struct{ Name, Source string }

// TableID is an index into Rules.Tables; NoTable is none.
type TableID int

// NoTable stands where no table is named.
const NoTable TableID = -1

// TableInfo is what decide knows of a table.
type TableInfo struct {
	Name   string // "aliases", named as table.aliases in steps; "acme.aliases" in a tenant
	Tenant string // whose it is; "": the top level's
	Format string // list, map, virtual, transport, cidr, regexp, csv, inline
	Source string // where the block stands

	// Networks of a cidr table when the configuration was read; OpenRelay counts
	// them. Nil: none, or not known.
	Networks []netip.Prefix
}

// Limits bound a decision (SEMANTICS 23). Zero fields take the defaults.
type Limits struct {
	MaxReceived int // 100
	AliasDepth  int // 20
	AliasFanout int // 10000
}

// Listener is what decide knows of a door.
type Listener struct {
	Name          string
	Login         []string // directories; AUTH is required before MAIL unless LoginOptional
	LoginOptional bool
	Client        []netip.Prefix // nobody else may connect; empty: all
	Source        string
}

// Directory is what decide knows of a directory.
type Directory struct {
	Name    string      // "staff"; "acme.staff" in a tenant
	Tenant  string      // whose logins these are; "": the top level's
	Owns    TableID     // key a sender, values the logins that may use it; NoTable: any sender
	Through OwnsThrough // other names of a sender that Owns does not have
	Source  string
}

// OwnsThrough says by which other names of an address its owner may send.
type OwnsThrough struct {
	AliasOf bool // the same local part in a domain that is another name of its domain
	Aliases bool // aliases whose only target it is
}

// PatternKind says what a Pattern matches.
type PatternKind uint8

// Kinds of pattern, as CONFIG.md "Patterns" has them.
const (
	PatternAddress   PatternKind = iota // "user@example.com"
	PatternDomain                       // "example.com"
	PatternSubdomain                    // ".example.com": every subdomain, not itself
	PatternLocal                        // "user@": in any domain
	PatternNull                         // "<>"
	PatternAny                          // "*"
	PatternTable                        // table.NAME: its keys are such patterns
)

// Pattern is one alternative of an address matcher.
type Pattern struct {
	Kind   PatternKind
	Local  string      // Address, Local; lower case
	Domain mail.Domain // Address, Domain, Subdomain
	Table  TableID     // Table

	bound bool // a table is asked for addresses and registered domains only
}

// LoginPattern matches a login by directory, or by directory and name.
type LoginPattern struct{ Directory, Name string } // Name "": any of the directory

// HeaderPattern matches a field by name and a glob on its unfolded value ("*"
// matches any run; case is not regarded).
type HeaderPattern struct{ Name, Glob string }

// SizePattern is a comparison with the size of the message in octets.
type SizePattern struct {
	Op    string // ">", ">=", "<", "<="
	Bytes int64
}

// Matchers are the conditions of one block: attributes that are nil or empty are
// not asked; the values of one are alternatives; all must hold, and none of
// Except (each holds when all of its own hold).
type Matchers struct {
	Recipient   []Pattern
	Original    []Pattern
	Sender      []Pattern
	Client      []netip.Prefix
	ClientTable TableID // a cidr table; NoTable when absent
	Login       []LoginPattern
	Certificate []string // "sha256:<hex>"
	Listener    []string
	Helo        []Pattern // Address kinds do not occur
	TLS         *bool
	Tag         []string
	Header      []HeaderPattern
	Size        []SizePattern // all must hold
	Percent     *float64      // 0..100, stable by rule name and recipient
	Except      []Matchers
}

// Deny refuses before relay and domains.
type Deny struct {
	Ref
	Tenant string // asked for mail of its own only; "": the top level's
	Match  Matchers
	Reply  mail.Reply // zero: 554 5.7.1
}

// Relay grants mail for domains that are not hosted here.
type Relay struct {
	Ref
	Tenant string // asked for its own logins only; "": the top level's
	Match  Matchers
}

// Members says how a domain knows its mailboxes.
type Members uint8

// Ways of knowing mailboxes.
const (
	MembersNone  Members = iota // no mailboxes: aliases and catch-all only
	MembersList                 // Domain.Mailboxes
	MembersTable                // Domain.MailboxTable
	MembersAny
	MembersAsk // MailboxTable asks the domain's transport about whole addresses
)

// Domain is a hosted domain. Two domains never have the same name.
type Domain struct {
	Ref
	Name         mail.Domain
	Tenant       string      // whose it is; "": the top level's
	AliasOf      mail.Domain // "" or a hosted domain that has none itself
	Members      Members
	Mailboxes    []mail.Address // of MembersList; keys in this domain
	MailboxTable TableID        // keys: full address, "@domain" or, in a list, the bare local part
	Aliases      []Alias        // inline aliases
	AliasTable   TableID        // virtual(5) order: user+ext@d, user@d, user, @d
	CatchAll     []mail.Address
	SRS          string // scheme under which it forwards; "": the default one, if there is any
	Subaddress   string // set of delimiter octets; "" none
	Deliver      string // transport; "" goes on to the routes
	Migration    *Migration
}

// Alias is one inline alias.
type Alias struct {
	Address mail.Address
	Targets []mail.Address
	Source  string
}

// Route chooses a transport. Exactly one of Via and Lookup is set.
type Route struct {
	Ref
	Tenant string // asked for mail of its own only; "": the top level's
	Match  Matchers
	Hosted *bool   // nil: derived (names recipient, original, lookup or tag)
	Via    string  // transport name
	Lookup TableID // transport(5) table; NoTable when Via is set
}

// Copy makes one copy a message in BCC form.
type Copy struct {
	Ref
	Tenant string // made of mail of its own only; "": the top level's
	Match  Matchers
	To     mail.Address
	Via    string // transport; "": routed like any other address
}

// Transport is what a decision and its explanation need of a transport; hosts
// are shown, not used: deliver takes them from the current configuration.
type Transport struct {
	Ref                // Name is the bare name, "mailstore", "acme.mailstore" in a tenant; Source where it stands, "builtin" for ours
	Tenant  string     // whose it is; "": the top level's
	Kind    string     // mx, smtp, lmtp, maildir, webhook, pipe, reject, discard, reinject
	Tiers   [][]string // smtp, lmtp
	Balance string     // failover, random; "" for others
	Reply   mail.Reply // reject
	Folders bool       // maildir: a subaddress names a folder, told as the delivery's nexthop
	Keep    Keep       // how the next hop is told the original recipient
}

// Kinds of transport that a decision knows by name.
const (
	KindMX      = "mx"
	KindSMTP    = "smtp"
	KindLMTP    = "lmtp"
	KindMaildir = "maildir"
	KindWebhook = "webhook"
	KindPipe    = "pipe"
	KindReject  = "reject"
	KindDiscard = "discard"
	// KindReinject is the way back in: the message is decided anew, as one from
	// outside would be. No configuration names it.
	KindReinject = "reinject"
)

// Names of the transports that are always there, for a configuration without a
// default route and for the left side of a transport(5) value.
const (
	BuiltinMX      = "mx"      // kind mx
	BuiltinSMTP    = "smtp"    // kind mx; with a nexthop, to that
	BuiltinRelay   = "relay"   // the same as smtp
	BuiltinLMTP    = "lmtp"    // kind lmtp; needs a nexthop
	BuiltinError   = "error"   // kind reject; the nexthop is the text
	BuiltinDiscard = "discard" // kind discard

	BuiltinReinject = "reinject" // kind reinject: the recipients themselves
	BuiltinList     = "list"     // kind reinject: the members of the lists that the recipients are
	BuiltinExpanded = "expanded" // kind discard: tells the sender that its recipients are aliases
)
