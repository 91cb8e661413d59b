package server_test

import (
	"bytes"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// logged is what a server writes.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// warnings gives the lines about cycles.
func (l *logged) warnings() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for line := range strings.Lines(l.buf.String()) {
		if strings.Contains(line, "alias cycle:") {
			out = append(out, line)
		}
	}
	return out
}

const aliased = `domain "aliased.test" {
  mailboxes = ["ann"]
  aliases   = table.aliases
  deliver   = transport.store
}
table "file" "aliases" {
  path   = "aliases"
  format = "virtual"
}
`

// cyclic is a world whose server writes into a log.
func cyclic(t *testing.T, aliases string) (*world, *logged) {
	w, l := newWorld(t), &logged{}
	w.configure(w.base() + w.routes("away") + aliased)
	w.write("aliases", aliases)
	o := w.options()
	o.Log = slog.New(slog.NewTextHandler(l, nil))
	w.startWith(o)
	return w, l
}

// rewrite puts another content in a table's place, as editors do, and waits until
// the server has taken it.
func (w *world) rewrite(name, content string, entries int) {
	w.t.Helper()
	loads := w.loads(name)
	w.write(name+".new", content)
	if err := os.Rename(w.dir+"/"+name+".new", w.dir+"/"+name); err != nil {
		w.t.Fatal(err)
	}
	w.eventually(name+" is read", func() bool { return w.loads(name) > loads && w.stats(name).Entries == entries })
}

func (w *world) loads(name string) string { return w.stats(name).Loaded }

// told waits for so many warnings, and that there are no more.
func (w *world) told(l *logged, n int) string {
	w.t.Helper()
	w.eventually("the circle is told", func() bool { return len(l.warnings()) >= n })
	time.Sleep(50 * time.Millisecond)
	all := l.warnings()
	if len(all) != n {
		w.t.Fatalf("%d warnings, want %d:\n%s", len(all), n, strings.Join(all, ""))
	}
	return all[n-1]
}

// An edit of aliases that closes a circle is told, once, with its names; so is the
// next one, and the same when it was open meanwhile.
func TestCycleOfAnEditedTable(t *testing.T) {
	const open = "a@aliased.test b@aliased.test\nb@aliased.test ann@aliased.test, c@aliased.test\nc@aliased.test ann@aliased.test\n"
	w, l := cyclic(t, open)
	closed := strings.Replace(open, "c@aliased.test ann@", "c@aliased.test a@", 1)
	w.rewrite("aliases", closed, 3)
	line := w.told(l, 1)
	for _, want := range []string{"level=WARN", "a@aliased.test -> b@aliased.test -> c@aliased.test -> a@aliased.test", "table.aliases"} {
		if !strings.Contains(line, want) {
			t.Errorf("no %q in %s", want, line)
		}
	}
	w.rewrite("aliases", closed+"d@aliased.test a@aliased.test\n", 4)
	if _, err := w.server.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.told(l, 1)

	shared := closed + "d@aliased.test a@aliased.test\ne@aliased.test f@aliased.test\nf@aliased.test e@aliased.test\n"
	w.rewrite("aliases", shared, 6)
	if line := w.told(l, 2); !strings.Contains(line, "e@aliased.test -> f@aliased.test -> e@aliased.test") {
		t.Error(line)
	}
	w.rewrite("aliases", open, 3)
	w.rewrite("aliases", closed, 3)
	w.told(l, 3)
}

// A reload tells of the circles that another configuration closes, and not again of
// those that were there at the start.
func TestCycleOfAReload(t *testing.T) {
	w, l := cyclic(t, "a@aliased.test b@aliased.test\nb@aliased.test a@aliased.test\n")
	w.told(l, 1)
	if r := w.send("ann@aliased.test"); !r.Accepted() {
		t.Errorf("mail is refused: %v", r.Refusal())
	}
	more := "domain \"caught.test\" {\n  mailboxes = []\n  catch_all = \"x@other.test\"\n  deliver = transport.store\n}\n" +
		"domain \"other.test\" {\n  alias_of = \"caught.test\"\n}\ndomain \"third.test\" {\n  mailboxes = []\n" +
		"  aliases = { \"p\" = \"q\", \"q\" = [\"p\", \"r\"], \"r\" = \"q\" }\n  deliver = transport.store\n}\n"
	w.configure(w.base() + w.routes("away") + aliased + more)
	if _, err := w.server.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	line := w.told(l, 2)
	for _, want := range []string{"p@third.test -> q@third.test -> p@third.test; q@third.test -> r@third.test -> q@third.test", "3 addresses", "postroad.hcl:"} {
		if !strings.Contains(line, want) {
			t.Errorf("no %q in %s", want, line)
		}
	}
}
