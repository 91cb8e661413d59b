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
	"github.com/postroad/postroad/internal/lab"
	"github.com/postroad/postroad/internal/server"
	"github.com/postroad/postroad/test/peer"
)

func TestMain(m *testing.M) {
	code := m.Run()
	peer.RemoveBinary()
	os.Exit(code)
}

// size gives how many worlds, and letters in each.
func size() (worlds, letters int) {
	if n, err := strconv.Atoi(os.Getenv("POSTROAD_WORLDS")); err == nil {
		return n, 200
	}
	if testing.Short() {
		return 12, 100
	}
	return 60, 170
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
	t.Logf("%d configurations, %d envelopes: %d accepted, %d refused at RCPT, %d refused at the end of data, %d arrivals, %d copies",
		worlds, sum.letters, sum.accepted, sum.refused, sum.late, sum.arrivals, sum.copies)
	if sum.accepted == 0 || sum.refused == 0 || sum.copies == 0 {
		t.Error("the generator draws nothing but one kind of answer: the property proves nothing")
	}
}

// tally counts what the letters came to.
type tally struct{ letters, accepted, refused, late, arrivals, copies int }

func (a *tally) add(b tally) {
	a.letters += b.letters
	a.accepted += b.accepted
	a.refused += b.refused
	a.late += b.late
	a.arrivals += b.arrivals
	a.copies += b.copies
}

// runWorld serves one configuration, sends letters and holds what came of them
// against what was forecast.
func runWorld(t *testing.T, n *internet, seed uint64, letters int) tally {
	n.lab.Capture.Forget()
	dir := t.TempDir()
	w := newWorld(seed, network{
		dns: n.lab.DNS.Addr(), mxPort: n.lab.Port, smtp: n.smtp, lmtp: n.lmtp, certFile: n.cert,
		dataDir: filepath.Join(dir, "data"), binds: map[string]string{"public": peer.FreePort(t), "inner": peer.FreePort(t)},
	})
	path := w.write(t, dir)
	defer func() {
		if t.Failed() {
			t.Logf("configuration:\n%s\ntransport_map:\n%s\nvirtual:\n%s\nvips:\n%s", w.hcl.String(), w.files["transport_map"], w.files["virtual"], w.files["vips"])
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
	if r.checkReplies(l, f, got) && got.data == 250 {
		r.sum.accepted++
		r.want[l.id] = r.net.expected(f)
		r.sum.copies += f.copies()
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

func (l letter) query() explain.Query {
	q := explain.Query{
		Sender: l.sender, Client: l.client, Helo: l.helo, TLS: l.tls, Listener: l.listener,
		Size: int64(len(l.message())), Recipients: l.recipients,
	}
	if l.sender == "<>" {
		q.Sender = ""
	}
	if l.env != "" {
		q.Header = []string{"X-Env: " + l.env}
	}
	return q
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
	args := []string{"route", "-c", r.path, "--json", "--from", l.sender, "--client", l.client, "--helo", l.helo,
		"--listener", l.listener, "--size", fmt.Sprint(len(l.message()))}
	if l.tls {
		args = append(args, "--tls")
	}
	if l.env != "" {
		args = append(args, "--header", "X-Env: "+l.env)
	}
	out, err := exec.Command(peer.Binary(r.t), append(args, l.recipients...)...).Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		r.t.Fatal(err)
	}
	if cli := decode(r.t, out); fmt.Sprint(cli) != fmt.Sprint(f) {
		r.t.Errorf("the program says\n%v\nand explain says\n%v", cli, f)
	}
}

// settle waits until everything that was forecast has arrived, and then for
// what should not.
func (r *run) settle() {
	want := 0
	for _, list := range r.want {
		want += len(list)
	}
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if r.count() >= want {
			break
		}
	}
	time.Sleep(50 * time.Millisecond)
}

func (r *run) count() int {
	n := 0
	for _, list := range r.arrived() {
		n += len(list)
	}
	return n
}

// arrived is what the captures have, by letter; reports of ours have no id.
func (r *run) arrived() map[string][]arrival {
	out := map[string][]arrival{}
	for _, m := range r.net.lab.Capture.Messages() {
		id := letterID(m)
		if id == "" {
			continue
		}
		sender := m.Sender
		if sender == "" {
			sender = "<>"
		}
		for _, to := range m.To() {
			out[id] = append(out[id], arrival{recipient: to, sender: sender, receivers: m.Receiver})
		}
	}
	return out
}

// letterID reads the id of the top header block.
func letterID(m lab.Message) string {
	head, _, _ := strings.Cut(string(m.Data), "\r\n\r\n")
	for line := range strings.SplitSeq(head, "\r\n") {
		if id, ok := strings.CutPrefix(line, "X-Letter-Id: "); ok {
			return id
		}
	}
	return ""
}

func (r *run) compare() {
	got := r.arrived()
	for _, id := range slices.Sorted(maps.Keys(r.want)) {
		r.compareLetter(id, r.want[id], got[id])
		delete(got, id)
	}
	for id, list := range got {
		r.t.Errorf("%s arrived and was not accepted: %v", id, list)
	}
}

// compareLetter pairs each arrival with a leg that allows it.
func (r *run) compareLetter(id string, want, got []arrival) {
	r.sum.arrivals += len(got)
	rest := slices.Clone(want)
	for _, g := range got {
		i := slices.IndexFunc(rest, func(w arrival) bool {
			return w.recipient == g.recipient && w.sender == g.sender && slices.Contains(strings.Split(w.receivers, "|"), g.receivers)
		})
		if i < 0 {
			r.t.Errorf("%s: %+v arrived, which was not forecast; forecast: %+v", id, g, want)
			continue
		}
		rest = slices.Delete(rest, i, i+1)
	}
	for _, w := range rest {
		r.t.Errorf("%s: %+v was forecast and did not arrive; arrived: %+v", id, w, got)
	}
}
