package config

import (
	"net/netip"
	"time"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/table"
)

// Config is one generation of the configuration. It never changes after Load.
type Config struct {
	Generation string // hash of the sources
	Path       string // as given with -c
	Hostname   mail.Domain
	Data       string
	Addresses  []netip.Addr // our own, behind NAT
	MinFree    int64        // octets of free disk below which no mail is taken
	Rules      *decide.Rules
	Snapshot   *decide.Snapshot

	Listeners   []*Listener
	Transports  map[string]*Transport // by name, the built-in ones included
	Resolvers   map[string]*Resolver  // "default" is always there
	Retries     map[string]*Retry     // "default" is always there
	Directories map[string]*Directory
	Tenants     map[string]*Tenant
	Tables      []*Table        // in the order of Rules.Tables
	Asks        map[string]*Ask // how transports are asked, by the block with mailboxes = "ask" ("domain.example.com")
	Console     *Console        // nil: none
	Log         Log
	SRS         []*SRS
	Sources     map[string][]byte // file name → content, for diagnostics

	places map[string]Range // of rules, by their source ("postroad.hcl:31")
	needed []needed         // files and variables that the configuration names
	srs    *srsSecrets
}

// TLSMode of a listener or a transport.
type TLSMode uint8

// Modes. A listener knows none, offer, require and implicit; a transport none,
// offer, require, verify and implicit (verified, from the first byte).
const (
	TLSNone TLSMode = iota
	TLSOffer
	TLSRequire
	TLSVerify
	TLSImplicit
)

// Listener is a door.
type Listener struct {
	Name           string
	Source         string
	Bind           []string // host:port
	TLS            TLSMode
	Certificates   []CertificateFile // several by SNI; the first is the default
	MaxMessageSize int64
	MaxRecipients  int
	Login          []string
	LoginOptional  bool
	Client         []netip.Prefix
	Repair         bool          // bare_newlines = "repair"
	MaxConnections int           // of the listener
	MaxPerClient   int           // of one client address
	Timeout        time.Duration // for one command
	DataTimeout    time.Duration // between blocks of data
	MaxErrors      int
}

// CertificateFile is a chain and its key; Key "" means both are in Chain.
type CertificateFile struct{ Chain, Key string }

// Transport is the definition of a transport, taken from the current Config at
// each attempt.
type Transport struct {
	Name   string
	Source string
	Kind   string // mx, smtp, lmtp, maildir, webhook, pipe, reject, discard

	// Tiers are tried in order; the hosts within one are shuffled at each attempt,
	// so that "failover" is one host a tier. "host:port", "[v6]:port", "mx:name",
	// "mx:name:port".
	Tiers    [][]string
	Port     int    // mx: 25
	Private  bool   // mx: may names lead to loopback and private addresses
	Resolver string // name in Config.Resolvers
	TLS      TLSMode
	User     string
	Pass     *Secret // nil: no AUTH
	Source4  netip.Addr
	Source6  netip.Addr
	Hostname mail.Domain // EHLO name; "" is Config.Hostname
	Retry    string      // name in Config.Retries

	ConnectTimeout time.Duration // 30s
	CommandTimeout time.Duration // 5m
	DataTimeout    time.Duration // 10m, for the reply to the final dot
	Connections    int           // at once to one lane, 20
	Reuse          bool          // keep connections for the next message

	KeepOriginal decide.Keep // smtp, lmtp, maildir, webhook, pipe

	Path                   string     // maildir: with {domain} and {local}
	Folders, CreateFolders bool       // maildir: subaddresses are folders; those that are not there are made
	Pipe                   *Pipe      // pipe
	Webhook                *Webhook   // webhook
	Reply                  mail.Reply // reject
}

// Secret is read when first needed: from a file or the environment.
type Secret struct {
	File string
	Env  string
	Text string // stands in the configuration, where an attribute may and no password is in it
}

// Resolver is a set of DNS servers. Servers nil: the system's.
type Resolver struct {
	Name    string
	Source  string
	Servers []string // ip:port
	TrustAD bool
	Timeout time.Duration // 5s for a query, all servers included
}

// Retry is a profile: After the n-th attempt wait After[n], then Then each time.
type Retry struct {
	Name   string
	Source string
	After  []time.Duration
	Then   time.Duration
	Warn   time.Duration // 0: no delay DSN
	GiveUp time.Duration
}

// Table is the definition of a table.
type Table struct {
	Name    string
	Source  string
	Kind    string              // inline, file, or one of Remote
	Path    string              // to open
	Shown   string              // the path as written, for answers ("aliases:12")
	Content table.Resident      // inline
	Format  string              // list, map, virtual, transport, cidr, regexp, csv
	Entries map[string][]string // inline
	Timeout time.Duration       // for reading the file, 5s
	Remote  *Remote             // not nil: the table is asked over something that can fail
}

// Remote is a table that is asked over something that can fail. Of the
// definitions at its end one is there, that of the table's kind.
type Remote struct {
	Timeout     time.Duration // longest wait for an answer
	Connections int           // questions at once
	TTL         time.Duration // of found answers; 0: none is kept
	NegativeTTL time.Duration // of "not found"
	Stale       time.Duration // how much longer while the table cannot be asked
	Cache       int64         // octets

	SQL     *SQL
	Redis   *Redis
	LDAP    *LDAP
	HTTP    *HTTP
	Postfix *Postfix
}

// SQL is a query to a database.
type SQL struct {
	Driver string // postgres, mysql, sqlite
	DSN    *Secret
	Query  string // with one parameter, the key
}

// Console is the address of metrics and health.
type Console struct{ Bind []string }

// Log says how to log.
type Log struct {
	Format string // text, json
	Level  string // debug, info, warn, error
}
