package property

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/postroad/postroad/internal/lab"
)

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
			front, text := parted(m)
			out[id] = append(out[id], arrival{recipient: to, sender: sender, receivers: m.Receiver, front: []string{front}, text: text})
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

// parted is what the server has put in front of the letter, and the letter.
func parted(m lab.Message) (front, text string) {
	at := strings.Index(string(m.Data), "X-Letter-Id: ")
	return string(m.Data[:at]), string(m.Data[at:])
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

// compareLetter pairs each arrival with a leg that allows it, those first that allow
// few receivers and ask for more: what they allow is part of what the others allow.
func (r *run) compareLetter(id string, want, got []arrival) {
	r.sum.arrivals += len(got)
	rest := slices.Clone(want)
	slices.SortStableFunc(rest, func(a, b arrival) int {
		return cmp.Or(len(a.receivers)-len(b.receivers), len(b.front)-len(a.front))
	})
	for _, g := range got {
		i := slices.IndexFunc(rest, func(w arrival) bool { return w.allows(g) })
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
