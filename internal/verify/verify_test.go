package verify

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/deliver"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/table"
	"github.com/postroad/postroad/internal/table/inline"
)

// hosts answers probes by transport and local part; what is not there is away.
type hosts struct {
	mu    sync.Mutex // guards asked
	says  map[string]deliver.Probed
	asked []string
	wait  time.Duration
}

func (h *hosts) Probe(ctx context.Context, p deliver.Probe) deliver.Probed {
	h.mu.Lock()
	h.asked = append(h.asked, p.Transport+"/"+p.Recipient.Local)
	h.mu.Unlock()
	select {
	case <-time.After(h.wait):
	case <-ctx.Done():
		return deliver.Probed{}
	}
	if said, ok := h.says[p.Transport+"/"+p.Recipient.Local]; ok {
		return said
	}
	return deliver.Probed{Reply: mail.Reply{Code: 451, Enhanced: "4.4.1", Text: "cannot connect"}, Away: true}
}

func (h *hosts) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.asked)
}

var (
	yes = deliver.Probed{Status: table.Found, Reached: true, Remote: "host"}
	no  = deliver.Probed{Status: table.NotFound, Reached: true, Remote: "host"}
)

// world has asked.example at transport store, backup.example by mx, and
// moving.example between old and new, to which nobody but cara moved.
func world(t *testing.T, h *hosts, dir string) (Source, *Verifier) {
	t.Helper()
	domain := func(name mail.Domain, deliver string, m *decide.Migration) decide.Domain {
		return decide.Domain{Ref: decide.Ref{Name: "domain." + string(name)}, Name: name, Members: decide.MembersAsk, MailboxTable: 0, AliasTable: decide.NoTable, Deliver: deliver, Migration: m}
	}
	rules := &decide.Rules{
		Tables:     []decide.TableInfo{{Name: "ask", Format: decide.FormatAsk}, {Name: "moved", Format: "map"}},
		Transports: []decide.Transport{{Ref: decide.Ref{Name: "store"}}, {Ref: decide.Ref{Name: "old"}}, {Ref: decide.Ref{Name: "new"}}},
		Domains: []decide.Domain{
			domain("asked.example", "store", nil), domain("backup.example", "mx", nil),
			domain("moving.example", "", &decide.Migration{New: "new", Old: "old", Homes: decide.NoTable, Moved: 1, TryOther: true}),
			{Name: "other.example", AliasOf: "asked.example", MailboxTable: decide.NoTable, AliasTable: decide.NoTable},
		},
	}
	snapshot, err := decide.Compile(rules)
	if err != nil {
		t.Fatal(err)
	}
	ask := &config.Ask{Known: 31 * 24 * time.Hour, KnownRefresh: 7 * 24 * time.Hour, Unknown: 72 * time.Hour, UnknownRefresh: 3 * time.Hour, Timeout: 15 * time.Second}
	c := &config.Config{
		Rules: rules, Snapshot: snapshot,
		Transports: map[string]*config.Transport{"mx": {Name: "mx", Kind: decide.KindMX}},
		Asks:       map[string]*config.Ask{"domain.asked.example": ask, "domain.backup.example": ask, "domain.moving.example": ask},
	}
	v := New(Options{Prober: h, Dir: dir})
	view := table.View{{Name: "ask"}, {Name: "moved", Content: inline.New([]inline.Entry{{Key: "cara@moving.example"}})}}
	return Source{Verifier: v, Config: c, View: view}, v
}

func TestAnswersServeAndGetOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hosts{says: map[string]deliver.Probed{"store/ann": yes, "store/bob": no}}
		s, _ := world(t, h, "")
		for _, step := range []struct {
			after time.Duration
			away  bool
			key   string
			want  table.Status
			asked int
		}{
			{0, false, "ann@asked.example", table.Found, 1},
			{6 * 24 * time.Hour, true, "ann@asked.example", table.Found, 1},    // fresh: nobody is asked
			{2 * 24 * time.Hour, true, "ann@asked.example", table.Found, 2},    // refresh is due, and nobody answers
			{22 * 24 * time.Hour, true, "ann@asked.example", table.Found, 3},   // still served
			{2 * 24 * time.Hour, true, "ann@asked.example", table.TryLater, 4}, // too old
			{time.Second, false, "ann@asked.example", table.TryLater, 4},       // not asked so soon
			{awayFor, false, "ann@asked.example", table.Found, 5},              // and there again
			{0, false, "bob@asked.example", table.NotFound, 6},                 //
			{2 * time.Hour, true, "bob@asked.example", table.NotFound, 6},      //
			{2 * time.Hour, true, "bob@asked.example", table.NotFound, 7},      //
			{72 * time.Hour, true, "bob@asked.example", table.TryLater, 8},     //
			{awayFor, true, "nobody@asked.example", table.TryLater, 9},         // never heard of
			{awayFor, false, "ann@other.example", table.Found, 10},             // another name of it
			{0, false, "ann@foreign.example", table.TryLater, 10},              // not ours
			{0, false, "no address", table.NotFound, 10},                       //
		} {
			time.Sleep(step.after)
			was := h.says
			if step.away {
				h.says = nil
			}
			got := s.Lookup(t.Context(), step.key)
			h.says = was
			if got.Status != step.want || h.count() != step.asked {
				t.Errorf("%s after %v: %v (%s, %v) and %d questions, want %v and %d", step.key, step.after, got.Status, got.Source, got.Cause, h.count(), step.want, step.asked)
			}
		}
	})
}

func TestBothSidesAreAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hosts{says: map[string]deliver.Probed{
			"old/ann": yes, "old/bob": no, "new/bob": yes, "old/cara": yes, "new/cara": no, "old/dora": no, "new/dora": no, "old/eve": no,
		}}
		s, _ := world(t, h, "")
		for _, c := range []struct {
			name  string
			want  table.Status
			asked string
		}{
			{"ann", table.Found, "old/ann"},
			{"bob", table.Found, "old/bob new/bob"},
			{"cara", table.Found, "new/cara old/cara"}, // moved, and not there yet
			{"dora", table.NotFound, "old/dora new/dora"},
			{"eve", table.TryLater, "old/eve new/eve"},
			{"frank", table.TryLater, "old/frank"},
		} {
			h.asked = nil
			if got := s.Lookup(t.Context(), c.name+"@moving.example"); got.Status != c.want || strings.Join(h.asked, " ") != c.asked {
				t.Errorf("%s: %v by %v, want %v by %s", c.name, got.Status, h.asked, c.want, c.asked)
			}
		}
	})
}

// A backup MX takes mail when no better one can be connected to, and only then.
func TestBackup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		later := func(enhanced string, reached bool) deliver.Probed {
			return deliver.Probed{Reply: mail.Reply{Code: 451, Enhanced: enhanced}, Reached: reached}
		}
		h := &hosts{says: map[string]deliver.Probed{
			"mx/bob": no, "mx/grey": later("4.7.1", true), "mx/dns": later("4.4.3", false),
			"mx/me": {Reply: mail.Reply{Code: 554, Enhanced: "5.4.6"}},
		}}
		s, v := world(t, h, "")
		for name, want := range map[string]table.Status{
			"away": table.Found, "bob": table.NotFound, "grey": table.TryLater, "dns": table.TryLater, "me": table.TryLater,
		} {
			time.Sleep(awayFor)
			if got := s.Lookup(t.Context(), name+"@backup.example"); got.Status != want {
				t.Errorf("%s: %v, want %v", name, got, want)
			}
		}
		if v.Len() != 1 {
			t.Errorf("%d answers are kept: only bob's is one", v.Len())
		}
	})
}

func TestBoundedQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hosts{says: map[string]deliver.Probed{"store/ann": yes}, wait: 10 * time.Second}
		s, v := world(t, h, "")
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				if a := s.Lookup(t.Context(), "ann@asked.example"); a.Status != table.Found {
					t.Errorf("%+v", a)
				}
			})
		}
		group.Wait()
		if h.count() != 1 {
			t.Errorf("one address was asked about %d times at once", h.count())
		}
		// A dictionary: no more than four at once, and the rest is told to come later.
		began, laters := time.Now(), 0
		var mu sync.Mutex
		for i := range 40 {
			group.Go(func() {
				if a := s.Lookup(t.Context(), string(rune('a'+i))+"x@asked.example"); a.Status == table.TryLater {
					mu.Lock()
					laters++
					mu.Unlock()
				}
			})
		}
		group.Wait()
		if n := h.count() - 1; n > 12 || laters != 40 || time.Since(began) > 16*time.Second {
			t.Errorf("%d questions, %d later, after %v", n, laters, time.Since(began))
		}
		if v.Counters().Asked.Load() == 0 {
			t.Error("nothing was counted")
		}
	})
}

func TestAnswersOutliveARestart(t *testing.T) {
	dir := t.TempDir()
	h := &hosts{says: map[string]deliver.Probed{"store/ann": yes, "store/bob": no}}
	s, v := world(t, h, dir)
	for _, key := range []string{"ann@asked.example", "bob@asked.example"} {
		s.Lookup(t.Context(), key)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, cacheName)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString(`{"t":"store","a":"cut off`)
	f.Close()
	away := &hosts{}
	s, v = world(t, away, dir)
	got := []table.Status{s.Lookup(t.Context(), "ann@asked.example").Status, s.Lookup(t.Context(), "bob@asked.example").Status}
	if !slices.Equal(got, []table.Status{table.Found, table.NotFound}) || away.count() != 0 {
		t.Errorf("after the restart: %v, %d questions", got, away.count())
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
}
