package equivalence

import (
	"fmt"
	"strings"
	"time"
)

// compare sends the trials to both and holds what came of each against the
// other.
func (w *world) compare() (outcome, error) {
	o := outcome{Explained: map[string]int{}}
	trials := w.trials()
	theirs, err := w.side("postfix", postfixDoor, trials, postfixQueue)
	if err != nil {
		return o, err
	}
	ours, err := w.side("postroad", postroadDoor, trials, w.postroadQueue)
	if err != nil {
		return o, err
	}
	for i, t := range trials {
		o.Envelopes++
		o.Arrivals += len(theirs[i].arrivals)
		a, b := theirs[i].text(), ours[i].text()
		if a == b {
			o.Equal++
			continue
		}
		if reason := w.listed(t, theirs[i], ours[i]); reason != "" {
			o.Explained[reason]++
			continue
		}
		o.Unlisted = append(o.Unlisted, fmt.Sprintf("<%s> to <%s> from %s\n%s Postfix:  %s (%s)\n postroad: %s (%s)",
			t.Sender, t.Recipient, t.Client, t.Header, a, theirs[i].said, b, ours[i].said))
	}
	return o, nil
}

// result is what became of one trial on one side.
type result struct {
	said     string
	class    string // of the reply: accept, reject, defer
	arrivals []string
	bounced  bool
	waits    bool
	null     bool // nobody is told when it bounces
}

// text is the form in which results are compared: a message that comes back is
// refused, whenever that is found out.
func (r result) text() string {
	switch {
	case len(r.arrivals) > 0:
		return strings.Join(r.arrivals, "; ")
	case r.class == "accept" && r.waits:
		return "defer"
	case r.class == "accept" && (r.bounced || r.null):
		return "reject"
	case r.class == "accept":
		return "nothing"
	}
	return r.class
}

// side sends all trials to one server and waits until it has done with them.
func (w *world) side(name, door string, trials []trial, queue func() (map[string]bool, error)) ([]result, error) {
	verdicts, err := send(door, name, trials)
	if err != nil {
		return nil, err
	}
	var waiting map[string]bool
	err = waitFor(60*time.Second, func() error {
		if err := w.captures.quiet(); err != nil {
			return err
		}
		waiting, err = queue()
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := w.captures.collect(); err != nil {
		return nil, err
	}
	out := make([]result, len(trials))
	for i, v := range verdicts {
		trial := fmt.Sprintf("%s/%d", name, i)
		id := v.text[strings.LastIndexByte(v.text, ' ')+1:] // "queued as …"
		out[i] = result{said: fmt.Sprintf("%d %s", v.code, v.text), class: class(v.code), arrivals: w.captures.of(trial),
			bounced: w.captures.bounced[trial], waits: waiting[id], null: trials[i].Sender == ""}
	}
	return out, nil
}

func class(code int) string {
	switch code / 100 {
	case 4:
		return "defer"
	case 5:
		return "reject"
	}
	return "accept"
}

// listed finds what the import had listed about the difference.
func (w *world) listed(t trial, theirs, ours result) string {
	return w.imported.Listed(t.Question, theirs.text(), ours.text())
}
