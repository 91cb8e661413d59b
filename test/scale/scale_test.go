package scale

import (
	"bufio"
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/table/file"
)

// The promises: loading, memory, a decision, how it grows, a reload.
const (
	mostLoading  = 30 * time.Second
	mostMemory   = 2_000_000_000
	mostDecision = 20 * time.Microsecond
	mostGrowth   = 1.5
	mostReload   = time.Second
)

// settling is how long tables are looked after: each is looked at every second, and
// ten million lines take a part of one.
const settling = 1500 * time.Millisecond

// size of a house.
type size struct {
	domains, tenants, blocks, recipients int
}

func (s size) String() string {
	return fmt.Sprintf("%d domains of %d tenants, %d of them with a block, %d recipients", s.domains, s.tenants, s.blocks, s.recipients)
}

// full tells whether the whole is measured.
func full() bool { return os.Getenv("POSTROAD_SCALE") != "" }

func large() size {
	if full() {
		return size{domains: 100_000, tenants: 10_000, blocks: 100, recipients: 10_000_000}
	}
	return size{domains: 1_000, tenants: 100, blocks: 10, recipients: 100_000}
}

func TestScale(t *testing.T) {
	s := large()
	folder := write(t, s)
	touch(t, folder)
	begun := time.Now()
	many := open(t, folder, nil)
	loading, memory := time.Since(begun), peak(t)
	t.Logf("%v: loaded in %v, %d MB at most", s, loading.Round(time.Millisecond), memory/1_000_000)

	// As many recipients in ten domains: what is compared is the number of domains,
	// and not whether a table fits into the processor's cache.
	small := size{domains: 10, tenants: 5, blocks: 5, recipients: s.recipients}
	few := open(t, write(t, small), nil)
	at10, at := decisions(t, few.round(small), many.round(s))
	growth := float64(at) / float64(at10)
	t.Logf("a decision: %v with 10 domains, %v with %d: %.2f times", at10, at, s.domains, growth)

	fresh := many.reload(t, folder, "elsewhere")
	many.settle(t)
	reload := many.reload(t, folder, "archive")
	tiny := size{domains: 10, tenants: 5, blocks: 5, recipients: 1_000}
	warm := open(t, write(t, tiny), nil).round(tiny)
	atTiny, _ := decisions(t, warm, warm)
	t.Logf("with 10 domains and 1000 recipients, all in the cache: %v", atTiny)
	t.Logf("reload of one tenant: %v; with tables that were written just before they were read: %v", reload.Round(time.Millisecond), fresh.Round(time.Millisecond))
	if !full() {
		return
	}
	hold(t, "loading", loading, mostLoading)
	hold(t, "memory", memory, mostMemory)
	hold(t, "a decision", at, mostDecision)
	hold(t, "growth", growth, mostGrowth)
	hold(t, "a reload", reload, mostReload)
	hold(t, "a reload with fresh tables", fresh, mostReload)
}

func hold[T int64 | float64 | time.Duration](t *testing.T, what string, got, most T) {
	t.Helper()
	if got > most {
		t.Errorf("%s: %v, promised %v", what, got, most)
	}
}

// write makes a folder: domains and recipients in files, and tenants in a file
// each.
func write(t *testing.T, s size) string {
	t.Helper()
	folder := t.TempDir()
	put(t, folder, "postroad.hcl", func(w *bufio.Writer) {
		fmt.Fprint(w, `hostname = "mx.example"
data = "spool"
listener "public" {
  bind = ["127.0.0.1:25"]
}
transport "lmtp" "store" {
  to = ["127.0.0.1:24"]
}
table "file" "hosted" {
  path   = "hosted"
  format = "map"
}
table "file" "users" {
  path   = "users"
  format = "list"
}
domains "hosted" {
  from       = table.hosted
  mailboxes  = table.users
  subaddress = "+"
  deliver    = { "fra" = transport.store }
}
`)
	})
	put(t, folder, "hosted", func(w *bufio.Writer) {
		for i := range s.domains {
			fmt.Fprintf(w, "d%d.example t%d/fra\n", i, i%s.tenants)
		}
	})
	put(t, folder, "users", func(w *bufio.Writer) {
		for i := range s.recipients {
			fmt.Fprintf(w, "user%d@d%d.example\n", i/s.domains, i%s.domains)
		}
	})
	for i := range s.blocks {
		tenant(t, folder, i, "archive")
	}
	return folder
}

// tenant writes the file of one tenant.
func tenant(t *testing.T, folder string, n int, archive string) {
	put(t, folder, fmt.Sprintf("t%d.hcl", n), func(w *bufio.Writer) {
		fmt.Fprintf(w, `tenant "t%[1]d" {
  domain "own%[1]d.example" {
    mailboxes = ["ann"]
    deliver   = transport.store
  }
  route "partner" {
    recipient = ["partner%[1]d.example"]
    via       = transport.store
  }
  copy "journal" {
    original = ["ann@own%[1]d.example"]
    to       = "%[2]s@archive.example"
  }
}
`, n, archive)
	})
}

func put(t *testing.T, folder, name string, fill func(*bufio.Writer)) {
	t.Helper()
	f, err := os.Create(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	fill(w)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// touch makes the tables as fresh as those that were written a moment ago: within
// the clock's grain they may change again without looking changed.
func touch(t *testing.T, folder string) {
	t.Helper()
	now := time.Now()
	for _, name := range []string{"hosted", "users"} {
		if err := os.Chtimes(filepath.Join(folder, name), now, now); err != nil {
			t.Fatal(err)
		}
	}
}

// house is a configuration with its tables.
type house struct {
	config *config.Config
	tables *file.Set
}

func open(t *testing.T, folder string, before *file.Set) house {
	t.Helper()
	c, ds := config.Load(folder, config.Options{Serving: true})
	if ds.HasErrors() {
		t.Fatal(ds)
	}
	h := house{config: c, tables: file.Open(context.Background(), c.Definitions(), file.Options{Previous: before})}
	for _, st := range h.tables.Status() {
		if st.Err != nil {
			t.Fatal(st.Err)
		}
	}
	return h
}

// spread is how many recipients all over a house a round asks for.
const spread = 4096

// round is decisions on mail for recipients all over a house.
type round struct {
	house
	in   decide.Input
	to   [][]mail.Recipient
	best time.Duration // of one decision, over all rounds
}

func (h house) round(s size) *round {
	r := &round{house: h, to: make([][]mail.Recipient, spread), best: time.Hour}
	for i := range r.to {
		n := i * 7919 % s.recipients
		local := fmt.Sprintf("user%d", n/s.domains)
		if i%8 == 0 {
			local += "+x"
		}
		r.to[i] = []mail.Recipient{{Address: mail.Address{
			Local: local, Domain: mail.Domain(fmt.Sprintf("d%d.example", n%s.domains)),
		}}}
	}
	r.in = decide.Input{Sender: mail.Path{Address: mail.Address{Local: "s", Domain: "far.example"}}, Memo: &decide.Memo{View: h.tables.View()}}
	r.in.Facts = decide.Facts{Client: netip.MustParseAddr("192.0.2.1"), Listener: "public", HasMessage: true, Size: 1000}
	return r
}

// run goes once round. What else the machine does only adds, so the best counts.
func (r *round) run(t *testing.T) {
	t.Helper()
	begun := time.Now()
	for _, to := range r.to {
		if d := r.config.Snapshot.Message(r.in, to); d.Verdict != decide.Accept {
			t.Fatalf("%v: %+v", to, d)
		}
	}
	r.best = min(r.best, time.Since(begun)/spread)
}

// decisions gives the time of a decision in each of two houses, asked in turn.
func decisions(t *testing.T, a, b *round) (time.Duration, time.Duration) {
	t.Helper()
	for range 50 {
		a.run(t)
		b.run(t)
	}
	return a.best, b.best
}

// reload changes one tenant's file. Tables that have not changed are not read.
func (h *house) reload(t *testing.T, folder, archive string) time.Duration {
	t.Helper()
	tenant(t, folder, 3, archive)
	begun := time.Now()
	next := open(t, folder, h.tables)
	took := time.Since(begun)
	if next.config.Generation == h.config.Generation {
		t.Error("nothing changed")
	}
	for i, v := range next.tables.View() {
		if v.Content != h.tables.View()[i].Content {
			t.Errorf("table %s was made anew", v.Name)
		}
	}
	*h = next
	return took
}

// settle looks after the tables, as a server does all the time, until those that
// were fresh have been looked at again.
func (h *house) settle(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), settling)
	defer cancel()
	h.tables.Run(ctx)
}

// peak is the most memory that the process had, as the kernel counts it.
func peak(t *testing.T) int64 {
	t.Helper()
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.Sys)
	}
	for line := range strings.Lines(string(raw)) {
		var kb int64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kb); n == 1 {
			return kb * 1024
		}
	}
	t.Fatal("no VmHWM")
	return 0
}
