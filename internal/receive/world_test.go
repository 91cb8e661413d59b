package receive_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/lab"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/receive"
	"github.com/postroad/postroad/internal/spool"
	"github.com/postroad/postroad/internal/spool/spooltest"
	"github.com/postroad/postroad/internal/table"
)

// world is a server over a store in memory and a small configuration:
//
//	example.com hosts ann and bob, team (both of them), void (nobody) and mixed
//	(ann, and somebody whom a route refuses); slow.example asks a remote table;
//	10.0.0.0/8 and every login may relay; deny refuses 203.0.113.66.
type world struct {
	server *receive.Server
	store  *recorder
	log    *logBuffer
	gen    generation
}

type generation struct {
	mu  sync.Mutex // guards gen
	gen receive.Generation
}

func (g *generation) Pin() receive.Generation {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.gen
}

// newWorld makes a server whose files lie in dir.
func newWorld(t testing.TB) *world {
	t.Helper()
	files := keys(t)
	w := &world{store: &recorder{Mem: spooltest.Memory()}, log: &logBuffer{}}
	rules := testRules()
	snapshot, err := decide.Compile(rules)
	if err != nil {
		t.Fatal(err)
	}
	conf := &config.Config{
		Generation: "g1", Hostname: "mx.example.com", Rules: rules, Snapshot: snapshot,
		Listeners: testListeners(files),
		Directories: map[string]*config.Directory{
			"staff": {Name: "staff", Kind: "file", Path: files.passwords},
			"gone":  {Name: "gone", Kind: "file", Path: filepath.Join(files.dir, "nowhere")},
		},
	}
	w.gen.gen = receive.Generation{Config: conf, View: table.View{{Name: "slow", Remote: &remoteTable{}}}}
	w.server = receive.New(receive.Options{
		Store: w.store, Generations: &w.gen, Lookups: 20 * time.Second, MarkKey: []byte("key"),
		Log: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	return w
}

func addr(s string) mail.Address {
	a, err := mail.ParseAddress(s)
	if err != nil {
		panic(err)
	}
	return a
}

func noTables() decide.Matchers { return decide.Matchers{ClientTable: decide.NoTable} }

func testRules() *decide.Rules {
	deny, office, staff, noway := noTables(), noTables(), noTables(), noTables()
	deny.Client = []netip.Prefix{netip.MustParsePrefix("203.0.113.66/32")}
	office.Client = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	staff.Login = []decide.LoginPattern{{Directory: "staff"}}
	noway.Recipient = []decide.Pattern{{Kind: decide.PatternDomain, Domain: "refused.example"}}
	spam := noTables()
	spam.Header = []decide.HeaderPattern{{Name: "Subject", Glob: "*spam*"}}
	spam.Recipient = []decide.Pattern{{Kind: decide.PatternAny}}
	return &decide.Rules{
		Generation: "g1", Hostname: "mx.example.com", Postmaster: addr("ann@example.com"),
		Tables: []decide.TableInfo{{Name: "slow", Format: "list", Source: "t.hcl:1"}},
		Deny:   []decide.Deny{{Ref: decide.Ref{Name: "deny.abuser", Source: "t.hcl:2"}, Match: deny}},
		Relay: []decide.Relay{
			{Ref: decide.Ref{Name: "relay.office", Source: "t.hcl:3"}, Match: office},
			{Ref: decide.Ref{Name: "relay.staff", Source: "t.hcl:4"}, Match: staff},
		},
		Domains: []decide.Domain{{
			Ref: decide.Ref{Name: "domain.example.com", Source: "t.hcl:5"}, Name: "example.com",
			Members: decide.MembersList, Mailboxes: []mail.Address{addr("ann@example.com"), addr("bob@example.com")},
			MailboxTable: decide.NoTable, AliasTable: decide.NoTable, Deliver: "store",
			Aliases: []decide.Alias{
				{Address: addr("team@example.com"), Targets: []mail.Address{addr("ann@example.com"), addr("bob@example.com")}, Source: "t.hcl:6"},
				{Address: addr("mixed@example.com"), Targets: []mail.Address{addr("ann@example.com"), addr("x@refused.example")}, Source: "t.hcl:7"},
			},
		}, {
			Ref: decide.Ref{Name: "domain.slow.example", Source: "t.hcl:8"}, Name: "slow.example",
			Members: decide.MembersTable, MailboxTable: 0, AliasTable: decide.NoTable, Deliver: "store",
		}, hosted("testserver", "user"), hosted("mydomain.tld", "bob", "starttls")},
		Routes: []decide.Route{
			{Ref: decide.Ref{Name: "route.noway", Source: "t.hcl:9"}, Match: noway, Via: "refuse", Lookup: decide.NoTable},
			{Ref: decide.Ref{Name: "route.spam", Source: "t.hcl:10"}, Match: spam, Via: "refuse", Lookup: decide.NoTable},
		},
		Transports: []decide.Transport{
			{Ref: decide.Ref{Name: "store", Source: "t.hcl:11"}, Kind: "lmtp", Tiers: [][]string{{"192.0.2.5:24"}}},
			{Ref: decide.Ref{Name: "refuse", Source: "t.hcl:12"}, Kind: "reject", Reply: mail.Reply{Code: 550, Enhanced: "5.7.1", Text: "not here"}},
			{Ref: decide.Ref{Name: decide.BuiltinMX, Source: "builtin"}, Kind: "mx"},
			{Ref: decide.Ref{Name: decide.BuiltinError, Source: "builtin"}, Kind: "reject"},
		},
		Listeners:   []decide.Listener{{Name: "public"}, {Name: "submission", Login: []string{"staff"}}},
		Directories: []decide.Directory{{Name: "staff", Owns: decide.NoTable}},
	}
}

// hosted is a domain with a list of mailboxes and nothing else.
func hosted(name mail.Domain, boxes ...string) decide.Domain {
	d := decide.Domain{
		Ref: decide.Ref{Name: "domain." + string(name), Source: "t.hcl:13"}, Name: name,
		Members: decide.MembersList, MailboxTable: decide.NoTable, AliasTable: decide.NoTable, Deliver: "store",
	}
	for _, b := range boxes {
		d.Mailboxes = append(d.Mailboxes, mail.Address{Local: b, Domain: name})
	}
	return d
}

func testListeners(f keyFiles) []*config.Listener {
	certs := []config.CertificateFile{{Chain: f.chain, Key: f.key}}
	base := config.Listener{MaxMessageSize: 100_000, MaxRecipients: 4, MaxErrors: 6, Timeout: 5 * time.Minute, DataTimeout: 3 * time.Minute, Certificates: certs}
	make1 := func(name string, change func(*config.Listener)) *config.Listener {
		l := base
		l.Name = name
		change(&l)
		return &l
	}
	return []*config.Listener{
		make1("public", func(l *config.Listener) { l.TLS = config.TLSOffer }),
		make1("plain", func(*config.Listener) {}),
		make1("trusted", func(l *config.Listener) { l.Repair = true }),
		make1("submission", func(l *config.Listener) { l.TLS, l.Login = config.TLSRequire, []string{"staff"} }),
		make1("optional", func(l *config.Listener) {
			l.TLS, l.Login, l.LoginOptional = config.TLSOffer, []string{"staff"}, true
		}),
		make1("implicit", func(l *config.Listener) { l.TLS, l.Login = config.TLSImplicit, []string{"staff"} }),
		make1("broken", func(l *config.Listener) { l.TLS, l.Login = config.TLSImplicit, []string{"gone"} }),
		make1("private", func(l *config.Listener) { l.Client = []netip.Prefix{netip.MustParsePrefix("10.0.0.9/32")} }),
		make1("big", func(l *config.Listener) { l.MaxMessageSize = 1 << 20 }),
		make1("few", func(l *config.Listener) { l.MaxConnections, l.MaxPerClient = 3, 2 }),
	}
}

// remoteTable knows ann, never answers about stalled, and fails for broken.
type remoteTable struct{}

func (remoteTable) Lookup(ctx context.Context, key string) table.Answer {
	switch key {
	case "ann@slow.example":
		return table.Answer{Status: table.Found}
	case "stalled@slow.example":
		<-ctx.Done()
		return table.Answer{Status: table.TryLater, Cause: ctx.Err()}
	case "panics@slow.example":
		panic("driver defect")
	}
	return table.Answer{Status: table.NotFound}
}

// keyFiles are made once: they take time.
type keyFiles struct{ dir, chain, key, passwords string }

var makeKeys struct {
	sync.Once
	files keyFiles
	err   error
}

func keys(t testing.TB) keyFiles {
	makeKeys.Do(func() {
		makeKeys.files, makeKeys.err = writeKeys()
	})
	if makeKeys.err != nil {
		t.Fatal(makeKeys.err)
	}
	return makeKeys.files
}

func writeKeys() (keyFiles, error) {
	dir, err := os.MkdirTemp("", "receive")
	if err != nil {
		return keyFiles{}, err
	}
	f := keyFiles{dir, filepath.Join(dir, "chain.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "staff.passwd")}
	if err := writeCertificate(f, "mx.example.com"); err != nil {
		return f, err
	}
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	if err != nil {
		return f, err
	}
	other, err := bcrypt.GenerateFromPassword([]byte("secretpassword"), bcrypt.MinCost)
	if err != nil {
		return f, err
	}
	// The argon2id hash of "password" with the salt "somesalt".
	const argon = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	lines := "# staff\nann:" + string(hash) + "\n\nbob:" + argon + "\nuser@testserver:" + string(other) + "\n"
	return f, os.WriteFile(f.passwords, []byte(lines), 0o600)
}

func writeCertificate(f keyFiles, name string) error {
	ca, err := lab.NewCA()
	if err != nil {
		return err
	}
	chain, key, err := ca.PEM(name)
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(f.key, key, 0o600), os.WriteFile(f.chain, chain, 0o600))
}

func TestMain(m *testing.M) {
	code := m.Run()
	if makeKeys.files.dir != "" {
		os.RemoveAll(makeKeys.files.dir)
	}
	os.Exit(code)
}

// recorder is a store that can be told to fail, and shows what it was given.
type recorder struct {
	*spooltest.Mem
	mu     sync.Mutex // guards what follows
	fail   error      // of Create, Commit and Health
	create error      // of Create only
	report error      // of CreateReport only
	write  error      // of writing to a draft only
	panics bool       // in Commit
	got    []stored
	open   int // drafts that nobody has told that they are done with
}

type stored struct {
	env  spool.Envelope
	jobs []spool.Job
	body string
}

func (r *recorder) Health() spool.Health {
	r.mu.Lock()
	defer r.mu.Unlock()
	return spool.Health{Err: r.fail}
}

func (r *recorder) Create(ctx context.Context) (spool.Draft, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.create != nil {
		return nil, r.create
	}
	d, err := r.Mem.Create(ctx)
	r.open++
	return &recordedDraft{Draft: d, to: r}, err
}

func (r *recorder) CreateReport(ctx context.Context) (spool.Draft, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.report != nil {
		return nil, r.report
	}
	d, err := r.Mem.CreateReport(ctx)
	r.open++
	return &recordedDraft{Draft: d, to: r}, err
}

type recordedDraft struct {
	spool.Draft
	to      *recorder
	body    bytes.Buffer
	env     spool.Envelope // of Prepare
	jobs    []spool.Job
	aborted bool
}

func (d *recordedDraft) Prepare(env spool.Envelope, jobs []spool.Job) error {
	d.env, d.jobs = env, jobs
	return d.Draft.Prepare(env, jobs)
}

func (d *recordedDraft) Abort() {
	d.to.mu.Lock()
	defer d.to.mu.Unlock()
	if !d.aborted {
		d.to.open--
	}
	d.aborted = true
	d.Draft.Abort()
}

func (d *recordedDraft) Write(p []byte) (int, error) {
	d.to.mu.Lock()
	err := d.to.write
	d.to.mu.Unlock()
	if err != nil {
		return 0, err
	}
	d.body.Write(p)
	return d.Draft.Write(p)
}

func (d *recordedDraft) Commit(env spool.Envelope, jobs []spool.Job) error {
	d.to.mu.Lock()
	defer d.to.mu.Unlock()
	if d.to.panics {
		panic("store defect")
	}
	if d.to.create == nil && d.to.fail != nil {
		return d.to.fail
	}
	if err := d.Draft.Commit(env, jobs); err != nil {
		return err
	}
	d.to.got = append(d.to.got, stored{env, jobs, d.body.String()})
	return nil
}

func (r *recorder) messages() []stored {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]stored(nil), r.got...)
}

// take gives the only message and forgets it.
func (r *recorder) take() stored {
	r.mu.Lock()
	defer r.mu.Unlock()
	got := r.got[0]
	r.got, r.Mem = nil, spooltest.Memory()
	return got
}

// logBuffer is a log that several goroutines write.
type logBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// peer is a connection in memory that says it comes from a client's address.
type peer struct {
	net.Conn
	client netip.Addr
}

func (p peer) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(p.client, 40000))
}

// connect gives the client's end of a new session, and a channel that is closed
// when the session has ended.
func (w *world) connect(listener string, client netip.Addr) (net.Conn, <-chan struct{}) {
	ours, theirs := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.server.ServeConn(peer{theirs, client}, listener)
	}()
	return ours, done
}
