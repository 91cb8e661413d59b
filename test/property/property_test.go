package property

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/explain"
	"github.com/postroad/postroad/internal/server"
	"github.com/postroad/postroad/test/peer"
)

func TestMain(m *testing.M) {
	peer.Main(m)
}

// size gives how many worlds, and letters in each: a slice, or as many worlds as
// POSTROAD_WORLDS says (make property).
func size() (worlds, letters int) {
	if n, err := strconv.Atoi(os.Getenv("POSTROAD_WORLDS")); err == nil {
		return n, 200
	}
	if testing.Short() {
		return 12, 100
	}
	return 20, 120
}

func TestExplanationIsDelivery(t *testing.T) {
	n := startInternet(t)
	worlds, letters := size()
	var sum tally
	for i := range worlds {
		seed := uint64(i + 1)
		t.Run(fmt.Sprintf("seed%d", seed), func(t *testing.T) {
			sum.add(runWorld(t, n, seed, letters))
		})
	}
	t.Logf("%d configurations, %d envelopes: %d accepted, %d refused at RCPT, %d refused at the end of data, %d arrivals, %d copies, %d edited, %d forwarded, %d at the other side, %d keep the original, %d crossings, %d lists",
		worlds, sum.letters, sum.accepted, sum.refused, sum.late, sum.arrivals, sum.copies, sum.edited, sum.forwarded, sum.other, sum.kept, sum.crossings, sum.lists)
	if slices.Contains([]int{sum.accepted, sum.refused, sum.late, sum.copies, sum.edited, sum.forwarded, sum.other, sum.kept, sum.crossings, sum.lists}, 0) {
		t.Error("the generator draws nothing but one kind of answer: the property proves nothing")
	}
}

// tally counts what the letters came to.
type tally struct{ letters, accepted, refused, late, arrivals, copies, edited, forwarded, other, kept, crossings, lists int }

func (a *tally) add(b tally) {
	a.letters += b.letters
	a.accepted += b.accepted
	a.refused += b.refused
	a.late += b.late
	a.arrivals += b.arrivals
	a.copies += b.copies
	a.edited += b.edited
	a.forwarded += b.forwarded
	a.other += b.other
	a.kept += b.kept
	a.crossings += b.crossings
	a.lists += b.lists
}

// runWorld serves one configuration, sends letters and holds what came of them
// against what was forecast.
func runWorld(t *testing.T, n *internet, seed uint64, letters int) tally {
	n.lab.Capture.Forget()
	dir := t.TempDir()
	w := newWorld(seed, network{
		dns: n.lab.DNS.Addr(), mxPort: n.lab.Port, smtp: n.smtp, lmtp: n.lmtp, old: n.old, new: n.new, certFile: n.cert,
		dataDir: filepath.Join(dir, "data"), binds: map[string]string{"public": peer.FreePort(t), "inner": peer.FreePort(t)},
	})
	path := w.write(t, dir)
	defer func() {
		if t.Failed() {
			t.Log(w.text())
		}
	}()
	stop := serve(t, path)
	r := &run{t: t, net: n, world: w, path: path, want: map[string][]arrival{}}
	r.source = source(t, path)
	for i := range letters {
		r.post(w.letter(fmt.Sprintf("w%d-%d", seed, i)), i < 2 && !testing.Short())
	}
	r.settle()
	stop()
	r.compare()
	return r.sum
}

// text is the configuration with its files.
func (w *world) text() string {
	var b strings.Builder
	b.WriteString("configuration:\n" + w.hcl.String())
	for _, name := range slices.Sorted(maps.Keys(w.files)) {
		fmt.Fprintf(&b, "%s:\n%s\n", name, w.files[name])
	}
	return b.String()
}

func (w *world) write(t *testing.T, dir string) string {
	t.Helper()
	for name, text := range w.files {
		peer.Write(t, dir, name, text)
	}
	return peer.Write(t, dir, "postroad.hcl", w.hcl.String())
}

func serve(t *testing.T, path string) (stop func()) {
	t.Helper()
	var log bytes.Buffer
	s := server.New(server.Options{ConfigPath: path, Log: slog.New(slog.NewTextHandler(&log, nil))})
	t.Cleanup(func() {
		if t.Failed() {
			for line := range strings.Lines(log.String()) {
				if !strings.Contains(line, "state=delivered") {
					t.Log(line)
				}
			}
		}
	})
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
	}
}

// source is what `postroad route` works from: the files, not the server.
func source(t *testing.T, path string) explain.Source {
	t.Helper()
	src, err := server.OpenOffline(context.Background(), path).Source()
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// run is one world with what was forecast and said.
type run struct {
	t      *testing.T
	net    *internet
	world  *world
	path   string
	source explain.Source
	want   map[string][]arrival // by letter
	sum    tally
}

// post asks, sends and holds the replies against the forecast.
func (r *run) post(l letter, alsoCLI bool) {
	f := r.ask(l)
	if alsoCLI {
		r.askCLI(l, f)
	}
	got, err := send(r.world.net.binds[l.listener], l)
	if err != nil {
		r.t.Errorf("%+v: %v", l, err)
		return
	}
	r.sum.letters++
	switch {
	case !r.checkReplies(l, f, got):
	case got.data == 250:
		r.sum.accepted++
		r.expect(l, f)
	case got.data == 451:
		r.postAgain(l)
	}
}

// postAgain sends a letter that waits once more, as its client would: a tenant that
// held it up has its recipients told to wait at RCPT, once, and what is left is a
// letter of its own.
func (r *run) postAgain(l letter) {
	for range 1 + len(l.recipients) {
		got, err := send(r.world.net.binds[l.listener], l)
		if err != nil {
			r.t.Errorf("again: %+v: %v", l, err)
			return
		}
		left, aside := l, false
		left.recipients = nil
		for i, said := range got.rcpt {
			aside = aside || said == 451
			if said == 250 {
				left.recipients = append(left.recipients, l.recipients[i])
			}
		}
		if !aside || len(left.recipients) == 0 {
			return
		}
		if got.data == 250 {
			f := r.ask(left)
			if r.checkReplies(left, f, outcome{rcpt: slices.Repeat([]int{250}, len(left.recipients)), data: 250}) {
				r.expect(left, f)
			}
			return
		}
	}
}

// expect notes what shall arrive of an accepted letter.
func (r *run) expect(l letter, f forecast) {
	want, err := round{r.net, l, f.Sender, f.Recipients, f.Again}.expected()
	if err != nil {
		r.t.Errorf("%+v: %v\n%+v", l, err, f)
	}
	r.want[l.id] = want
	r.sum.copies += f.copies()
	crossings, lists := entries(f.Again)
	r.sum.crossings, r.sum.lists = r.sum.crossings+crossings, r.sum.lists+lists
	for _, a := range want {
		if strings.HasPrefix(a.sender, "SRS") {
			r.world.paths = append(r.world.paths, a.sender)
			r.sum.forwarded++
		}
		if a.other {
			r.sum.other++
		}
		if len(a.front) > 0 {
			r.sum.kept++
		}
		if a.text != l.message() {
			r.sum.edited++
		}
	}
}

// checkReplies holds the codes against the verdicts: what is refused or deferred
// by what is known at RCPT is said there, the rest at the end of data.
func (r *run) checkReplies(l letter, f forecast, got outcome) bool {
	if len(f.Recipients) != len(l.recipients) {
		r.t.Errorf("%+v: forecast for %d recipients", l, len(f.Recipients))
		return false
	}
	ok := true
	for i, said := range got.rcpt {
		want := f.Recipients[i]
		switch {
		case said != 250:
			r.sum.refused++
			if want.Verdict == "accept" || want.Reply.Code != said {
				r.t.Errorf("%+v: RCPT %s got %d, forecast %s %d", l, l.recipients[i], said, want.Verdict, want.Reply.Code)
				ok = false
			}
		case got.data != 250:
			r.sum.late++
			if want.Verdict == "accept" || want.Reply.Code != got.data {
				r.t.Errorf("%+v: the end of data got %d, forecast for %s is %s %d", l, got.data, l.recipients[i], want.Verdict, want.Reply.Code)
				ok = false
			}
		case want.Verdict == "defer":
			r.t.Errorf("%+v: accepted, and the forecast for %s is to defer", l, l.recipients[i])
			ok = false
		}
	}
	return ok
}

func (r *run) ask(l letter) forecast {
	res, err := explain.Route(context.Background(), r.source, l.query())
	if err != nil {
		r.t.Fatalf("%+v: %v", l, err)
	}
	b, err := json.Marshal(res)
	if err != nil {
		r.t.Fatal(err)
	}
	return decode(r.t, b)
}

func decode(t *testing.T, b []byte) forecast {
	t.Helper()
	var f forecast
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	return f
}

// askCLI holds the program's own output against the forecast.
func (r *run) askCLI(l letter, f forecast) {
	args := append([]string{"route", "-c", r.path, "--json"}, l.arguments()...)
	out, err := exec.Command(peer.Binary(r.t), args...).Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		r.t.Fatal(err)
	}
	if cli := decode(r.t, out); fmt.Sprint(cli) != fmt.Sprint(f) {
		r.t.Errorf("the program says\n%v\nand explain says\n%v", cli, f)
	}
}
