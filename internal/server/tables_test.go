package server_test

import (
	"database/sql"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/postroad/postroad/internal/explain"
	"github.com/postroad/postroad/internal/server"
	"github.com/postroad/postroad/internal/server/control"
	"github.com/postroad/postroad/internal/table/tabletest"
)

// people writes a SQLite file with these users.
func (w *world) people(name string, users ...string) {
	w.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(w.dir, name))
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	statements := []string{"create table if not exists users (address text primary key)"}
	for _, u := range users {
		statements = append(statements, fmt.Sprintf("insert into users values ('%s')", u))
	}
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			w.t.Fatal(err)
		}
	}
}

// asks is the base configuration with its users in a database.
func (w *world) asks(driver, dsn, more string) string {
	mark := "?"
	if driver == "postgres" {
		mark = "$1"
	}
	text := strings.Replace(w.base(), "table.users", "table.people", 1) + w.routes("away")
	return text + fmt.Sprintf("table \"sql\" \"people\" {\n  driver = %q\n  dsn = %q\n  query = \"select address from users where address = %s\"\n%s}\n", driver, dsn, mark, more)
}

// blackHole accepts connections and says nothing.
func blackHole(t *testing.T) string {
	t.Helper()
	return tabletest.Serve(t, "tcp", "127.0.0.1:0", func(c net.Conn) { io.Copy(io.Discard, c) })
}

func (w *world) verdicts(want map[string]string) {
	w.t.Helper()
	s := w.talk()
	s.say("MAIL FROM:<s@far.test>", "250")
	for to, code := range want {
		s.say("RCPT TO:<"+to+">", code)
	}
	s.say("QUIT", "221")
}

func (w *world) stats(name string) control.TableStatus {
	w.t.Helper()
	all, err := w.client().Tables(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, st := range all {
		if st.Name == name {
			return st
		}
	}
	w.t.Fatalf("no %s in %+v", name, all)
	return control.TableStatus{}
}

func TestTableThatIsAsked(t *testing.T) {
	w := newWorld(t)
	w.people("people.db", "ann@ours.test")
	w.configure(w.asks("sqlite", "people.db", ""))
	w.start()
	for range 2 { // the second message finds the answers of the first
		w.verdicts(map[string]string{"ann@ours.test": "250", "nobody@ours.test": "550", "sales@ours.test": "250"})
	}
	st := w.stats("people")
	if st.Kind != "sql" || st.Error != "" || st.Asked == nil || st.Asked.Asked == 0 || st.Asked.Hits == 0 {
		t.Errorf("%+v %+v", st, st.Asked)
	}
	if st := w.stats("users"); st.Kind != "file" || st.Entries != 1 || st.Loaded == "" {
		t.Errorf("%+v", st)
	}
	got, err := w.client().Ask(t.Context(), control.TableKey{Table: "people", Key: "Ann@OURS.test"})
	if err != nil || got.Answer != "found" || got.Key != "ann@ours.test" || got.Values[0] != "ann@ours.test" || got.Source != "sql" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := w.client().Ask(t.Context(), control.TableKey{Table: "nowhere", Key: "x"}); err == nil || !strings.Contains(err.Error(), "people, users") {
		t.Errorf("%v", err)
	}
	metrics := w.metrics()
	for _, want := range []string{`postroad_table_asked_total{table="people"}`, `postroad_table_healthy{table="people"} 1`,
		`postroad_table_ask_seconds_bucket{table="people",le="+Inf"}`, `postroad_table_cached_total{answer="found",table="people"}`,
		`postroad_table_entries{table="users"} 1`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
}

func (w *world) metrics() string {
	w.t.Helper()
	resp, err := http.Get("http://" + w.server.ConsoleAddrs()[0].String() + "/metrics")
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(b)
}

// What was asked before a reload is known after it, unless the definition changed.
func TestReloadKeepsAnswers(t *testing.T) {
	w := newWorld(t)
	w.people("people.db", "ann@ours.test")
	w.people("others.db", "bob@ours.test")
	w.configure(w.asks("sqlite", "people.db", ""))
	w.start()
	w.verdicts(map[string]string{"ann@ours.test": "250"})
	asked := w.stats("people").Asked.Asked
	w.configure("# moved a line\n" + w.asks("sqlite", "people.db", ""))
	w.reload()
	w.verdicts(map[string]string{"ann@ours.test": "250"})
	if n := w.stats("people").Asked.Asked; n != asked {
		t.Errorf("asked %d times before the reload, %d after", asked, n)
	}
	w.configure(w.asks("sqlite", "others.db", ""))
	w.reload()
	w.verdicts(map[string]string{"ann@ours.test": "550", "bob@ours.test": "250"})
}

// A transaction ends with the tables that it began with.
func TestReloadKeepsATransactionsTable(t *testing.T) {
	w := newWorld(t)
	w.people("people.db", "ann@ours.test")
	w.people("others.db", "bob@ours.test")
	w.configure(w.asks("sqlite", "people.db", ""))
	w.start()
	s := w.talk()
	s.say("MAIL FROM:<s@far.test>", "250")
	w.configure(w.asks("sqlite", "others.db", ""))
	w.reload()
	s.say("RCPT TO:<ann@ours.test>", "250")
	s.say("RCPT TO:<bob@ours.test>", "550")
	s.say("RSET", "250")
	s.say("MAIL FROM:<s@far.test>", "250")
	s.say("RCPT TO:<ann@ours.test>", "550")
	s.say("RCPT TO:<bob@ours.test>", "250")
}

// A reload that is refused opens nothing that it does not close.
func TestRefusedReloadKeepsTheTable(t *testing.T) {
	w := newWorld(t)
	w.people("people.db", "ann@ours.test")
	w.configure(w.asks("sqlite", "people.db", ""))
	w.start()
	w.configure(w.asks("sqlite", "others.db", "") + "listener \"taken\" {\n  bind = [\"" + w.addr() + "\"]\n}\n")
	if _, err := w.server.Reload(t.Context()); err == nil {
		t.Fatal("the address was bound twice")
	}
	w.verdicts(map[string]string{"ann@ours.test": "250", "nobody@ours.test": "550"})
}

func (w *world) reload() {
	w.t.Helper()
	if _, err := w.server.Reload(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// A database that accepts and does not answer defers everybody within the time-out.
func TestStalledTableDefers(t *testing.T) {
	for _, driver := range []string{"postgres", "mysql"} {
		t.Run(driver, func(t *testing.T) {
			hole := blackHole(t)
			dsn := "host=" + strings.ReplaceAll(hole, ":", " port=") + " user=x dbname=x sslmode=disable"
			if driver == "mysql" {
				dsn = "x@tcp(" + hole + ")/x"
			}
			w := newWorld(t)
			w.configure(w.asks(driver, dsn, "  timeout = \"300ms\"\n"))
			w.start()
			begun := time.Now()
			w.verdicts(map[string]string{"ann@ours.test": "451", "nobody@ours.test": "451"})
			if took := time.Since(begun); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
			if st := w.stats("people"); st.Error == "" || st.Asked.Failures == 0 {
				t.Errorf("%+v", st)
			}
		})
	}
}

// Offline commands ask too, with the time-out, and check asks nobody.
func TestOfflineWithStalledTable(t *testing.T) {
	w := newWorld(t)
	w.configure(w.asks("postgres", "host="+strings.ReplaceAll(blackHole(t), ":", " port=")+" user=x sslmode=disable", "  timeout = \"300ms\"\n"))
	begun := time.Now()
	o := server.OpenOffline(t.Context(), filepath.Join(w.dir, "postroad.hcl"))
	if report := explain.Check(o.Subject()); !report.OK() {
		t.Errorf("%+v", report)
	}
	if took := time.Since(begun); took > 250*time.Millisecond {
		t.Logf("check took %v", took)
	}
	src, err := o.Source()
	if err != nil {
		t.Fatal(err)
	}
	got, err := explain.Route(t.Context(), src, explain.Query{Recipients: []string{"ann@ours.test"}})
	if err != nil || got.Exit() != explain.ExitDeferred {
		t.Errorf("%+v, %v", got, err)
	}
	asked, err := explain.Ask(t.Context(), src.Generation, "people", "ann@ours.test")
	if err != nil || asked.Exit() != explain.ExitDeferred || asked.Cause == "" {
		t.Errorf("%+v, %v", asked, err)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("all took %v", took)
	}
}
