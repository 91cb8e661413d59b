package deliver

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/queue"
)

// keeping is a world with a transport "t" that keeps the original recipient, to a
// host that offers ehlo.
func keeping(t *testing.T, keep decide.Keep, ehlo string) (*world, *host) {
	w := newWorld(t)
	h := &host{ehlo: ehlo}
	w.hosts["10.0.0.1:25"] = h
	w.transport(&config.Transport{Name: "t", Kind: decide.KindSMTP, Tiers: [][]string{{"10.0.0.1"}}, KeepOriginal: keep})
	return w, h
}

// originals is a job for recipients that were given as others, "final<original".
func originals(to ...string) queue.Attempt {
	finals := make([]string, len(to))
	for i, s := range to {
		finals[i], _, _ = strings.Cut(s, "<")
	}
	a := job("t", finals...)
	for i, s := range to {
		if _, original, ok := strings.Cut(s, "<"); ok {
			a.Job.Recipients[i].Original = address(original)
		}
	}
	return a
}

// A host is told which address the client gave, in a copy for each such address:
// none learns of another's, even where the job holds several.
func TestOriginalIsKept(t *testing.T) {
	for _, c := range []struct {
		name     string
		keep     decide.Keep
		expanded string
		to       []string
		want     []string // recipients: fields
	}{
		{"one", decide.KeepXOriginalTo, "", []string{"ann@d.example<Ann+x@d.example"}, []string{"ann: X-Original-To: Ann+x@d.example|"}},
		{"several", decide.KeepXOriginalTo, "", []string{"ann@d.example<a@d.example", "bob@d.example<b@d.example", "eve@d.example<a@d.example"},
			[]string{"ann eve: X-Original-To: a@d.example|", "bob: X-Original-To: b@d.example|"}},
		{"in another field", decide.KeepDeliveredTo, "", []string{"ann@d.example", "bob@d.example"},
			[]string{"ann: Delivered-To: ann@d.example|", "bob: Delivered-To: bob@d.example|"}},
		{"nowhere", "", "", []string{"ann@d.example<a@d.example", "bob@d.example<b@d.example"}, []string{"ann bob: "}},
		{"as a parameter", decide.KeepORCPT, "", []string{"ann@d.example<a@d.example", "bob@d.example<b@d.example"}, []string{"ann bob: "}},
		{"once beside an alias", decide.KeepXOriginalTo, "team@d.example", []string{"ann@d.example<sales@d.example"},
			[]string{"ann: Delivered-To: team@d.example|X-Original-To: sales@d.example|"}},
		{"above an alias", decide.KeepDeliveredTo, "team@d.example", []string{"ann@d.example<sales@d.example"},
			[]string{"ann: Delivered-To: sales@d.example|Delivered-To: team@d.example|X-Original-To: sales@d.example|"}},
		{"the alias itself", decide.KeepDeliveredTo, "sales@d.example", []string{"ann@d.example<sales@d.example"},
			[]string{"ann: Delivered-To: sales@d.example|X-Original-To: sales@d.example|"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, h := keeping(t, c.keep, "PIPELINING|SIZE 100000")
			a := originals(c.to...)
			if c.expanded != "" {
				a.Job.Expanded, a.Job.Original = address(c.expanded), a.Job.Recipients[0].Original
			}
			res := w.d.Attempt(context.Background(), a)
			if got := told(a, res); strings.Count(got, " delivered ") != len(c.to) {
				t.Error(got)
			}
			if got := copiesSeen(t, h); !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
			if h.seen().conns != 1 {
				t.Errorf("%d connections", h.seen().conns)
			}
		})
	}
}

// copiesSeen gives each copy that a host got: recipients, and what stands in front.
func copiesSeen(t *testing.T, h *host) []string {
	t.Helper()
	var out []string
	for _, m := range h.seen().messages {
		var to []string
		for _, a := range m.to {
			to = append(to, strings.Split(a, "@")[0])
		}
		front, ok := strings.CutSuffix(m.data, plainMessage)
		if !ok {
			t.Errorf("the message was changed: %q", m.data)
		}
		out = append(out, strings.Join(to, " ")+": "+strings.ReplaceAll(front, "\r\n", "|"))
	}
	return out
}

// Every copy is judged by itself, and one that a session did not come to goes to the
// next host.
func TestCopiesAreJudgedApart(t *testing.T) {
	w, h := keeping(t, decide.KeepXOriginalTo, "")
	h.rcpt = map[string]string{"bob": "550 5.1.1 nobody"}
	a := originals("ann@d.example", "bob@d.example", "eve@d.example")
	if got, want := told(a, w.d.Attempt(context.Background(), a)),
		"ann delivered 250 2.0.0 taken @ | bob failed 550 5.1.1 nobody @ | eve delivered 250 2.0.0 taken @"; got != want {
		t.Errorf("got %s", got)
	}

	w, h = keeping(t, decide.KeepXOriginalTo, "")
	next := &host{}
	h.rcpt = map[string]string{"bob": "drop"}
	w.hosts["10.0.0.2:25"] = next
	w.cfg.Transports["t"].Tiers = [][]string{{"10.0.0.1"}, {"10.0.0.2"}}
	a = originals("ann@d.example", "bob@d.example", "eve@d.example")
	if got, want := told(a, w.d.Attempt(context.Background(), a)),
		"ann delivered 250 2.0.0 taken @ | bob delivered 250 2.0.0 taken @ | eve delivered 250 2.0.0 taken @"; got != want || len(h.seen().messages) != 1 || len(next.seen().messages) != 2 {
		t.Errorf("got %s", got)
	}

	h = &host{rcpt: map[string]string{"bob": "drop"}}
	w.hosts["10.0.0.1:25"], w.cfg.Transports["t"].Tiers = h, [][]string{{"10.0.0.1"}}
	a = originals("ann@d.example", "bob@d.example", "eve@d.example")
	if got := told(a, w.d.Attempt(context.Background(), a)); !strings.Contains(got, "bob waits 451 4.4.2") || !strings.Contains(got, "eve waits 451 4.4.2") {
		t.Errorf("got %s", got)
	}
}

// ORCPT is a parameter of each recipient (RFC 3461 s4.2), where there is DSN.
func TestOriginalAsParameter(t *testing.T) {
	for ehlo, want := range map[string]string{
		"DSN": "RCPT TO:<ann@d.example> ORCPT=rfc822;a@d.example|RCPT TO:<bob@d.example> ORCPT=rfc822;b@d.example",
		"":    "RCPT TO:<ann@d.example>|RCPT TO:<bob@d.example>",
	} {
		w, h := keeping(t, decide.KeepORCPT, ehlo)
		a := originals("ann@d.example<a@d.example", "bob@d.example<b@d.example")
		a.Job.Recipients[0].ORCPT, a.Job.Recipients[1].ORCPT = "rfc822;a@d.example", "rfc822;b@d.example"
		w.d.Attempt(context.Background(), a)
		said := slices.DeleteFunc(slices.Clone(h.seen().said), func(s string) bool { return !strings.HasPrefix(s, "RCPT") })
		if got := strings.Join(said, "|"); got != want {
			t.Errorf("%q: got %s", ehlo, got)
		}
	}
}

func TestOriginalInMaildir(t *testing.T) {
	w, root := mailboxes(t)
	for keep, want := range map[decide.Keep]string{
		"":                     "Return-Path: <>\nDelivered-To: ann@d.example\n",
		decide.KeepXOriginalTo: "Return-Path: <>\nX-Original-To: ann+x@d.example\nDelivered-To: ann@d.example\n",
		decide.KeepDeliveredTo: "Return-Path: <>\nDelivered-To: ann+x@d.example\nDelivered-To: ann@d.example\n",
	} {
		w.cfg.Transports["t"].KeepOriginal = keep
		a := originals("ann@d.example<ann+x@d.example")
		a.Job.Sender = mail.Path{}
		w.d.Attempt(context.Background(), a)
		found := 0
		for _, content := range tree(t, root) {
			if front, _, _ := strings.Cut(content, "Subject:"); front == want {
				found++
			}
		}
		if found != 1 {
			t.Errorf("keep %q: %q", keep, tree(t, root))
		}
	}
}

func TestOriginalInOtherSystems(t *testing.T) {
	w, s := hooked(t, nil)
	w.cfg.Transports["t"].KeepOriginal = decide.KeepDeliveredTo
	w.d.Attempt(t.Context(), originals("ann@d.example<a@d.example", "bob@d.example<b@d.example"))
	for i, want := range []string{"Delivered-To: a@d.example\r\n", "Delivered-To: b@d.example\r\n"} {
		if got := s.seen(); len(got) != 2 || got[i].message != want+plainMessage {
			t.Errorf("webhook: %+v", got)
		}
	}
	p, dir := piped(t, `cat >"message-$1"`, "{local}")
	p.cfg.Transports["t"].KeepOriginal = decide.KeepXOriginalTo
	p.d.Attempt(t.Context(), originals("ann@d.example<a@d.example"))
	if got, want := read(t, dir+"/message-ann"), "Return-Path: <s@example.org>\nX-Original-To: a@d.example\nDelivered-To: ann@d.example\n"; !strings.HasPrefix(got, want) {
		t.Errorf("pipe: %q", got)
	}
}
