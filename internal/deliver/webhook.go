package deliver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

// hookReplyMax octets of a reply's body are read, so that the connection can be used
// again, for at most hookReplyTime.
const (
	hookReplyMax  = 64 << 10
	hookReplyTime = 5 * time.Second
)

// webhooks posts the message once for each recipient. A service that cannot be
// reached for one is not asked for the others.
func (r *run) webhooks(ctx context.Context) {
	h, err := r.d.hooks.of(r.t)
	if err != nil {
		r.hookFailed(ctx, err)
		return
	}
	for i := range r.slots {
		if ctx.Err() != nil {
			return
		}
		if r.slots[i].settled {
			continue
		}
		if err := r.post(ctx, h, i); err != nil && ctx.Err() == nil {
			r.hookFailed(ctx, err)
			return
		}
	}
}

// hookFailed lets all that are left wait: the service did not answer.
func (r *run) hookFailed(ctx context.Context, err error) {
	r.d.o.Log.LogAttrs(ctx, slog.LevelWarn, "webhook", slog.String("id", r.a.Job.Message.String()),
		slog.String("transport", r.t.Name), slog.String("error", err.Error()))
	reply := mail.Reply{Code: 451, Enhanced: "4.4.2", Text: "webhook does not answer"}
	switch {
	case errors.Is(err, errHookPrivate):
		reply = mail.Reply{Code: 451, Enhanced: "4.4.4", Text: "webhook leads to no public address"}
	case errors.Is(err, config.ErrSecret):
		reply = mail.Reply{Code: 451, Enhanced: "4.3.5", Text: "mail system configuration error"}
	case errors.Is(err, errHookConnect):
		reply = mail.Reply{Code: 451, Enhanced: "4.4.1", Text: "webhook cannot be reached"}
		r.refused = true
	}
	r.failAll(failure{reply: reply}, r.t.Webhook.URL)
}

// post makes one request. An error means that there was no answer.
func (r *run) post(ctx context.Context, h *hook, i int) error {
	rcpt := r.slots[i].rcpt
	if !utf8.ValidString(rcpt.Final.Local) { // JSON would make all that is broken equal
		r.settle(i, spool.Failed, mail.Reply{Code: 553, Enhanced: "5.1.3", Text: "address cannot be told to the webhook"}, "")
		return nil
	}
	envelope, err := json.Marshal(r.envelopeOf(rcpt))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, r.t.DataTimeout)
	defer cancel()
	p := newParcel(r.t.Webhook.Format, envelope, r.kept(rcpt, r.edits()), r.a.Body)
	req, err := h.request(ctx, p, r.hookKey(rcpt))
	if err != nil {
		return err
	}
	res, err := h.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	r.spoke = true
	if res.TLS != nil {
		r.tls = tlsName(res.TLS)
	}
	defer time.AfterFunc(hookReplyTime, cancel).Stop()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, hookReplyMax)) // the status has said it all
	state, reply := hookVerdict(res.StatusCode, r.t.Webhook.Wait)
	if at := retryAfter(res.Header.Get("Retry-After"), time.Now()); state == spool.Waiting && at.After(r.notBefore) {
		r.notBefore = at
	}
	r.settle(i, state, reply, h.host)
	return nil
}

// hookKey is the same for every attempt at one recipient of one message, and for
// nothing else: a service that has seen it has the message. The address that the
// client gave is part of it, since the service is told it: a ticket for sales@ is
// another than one for ann@, though an alias leads from one to the other.
func (r *run) hookKey(rcpt spool.Recipient) string {
	parts := []string{r.a.Job.Message.String(), r.a.Job.Copy, rcpt.Final.String(), originalOf(rcpt).String()}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// hookEnvelope is what a service is told beside the message.
type hookEnvelope struct {
	ID        string    `json:"id"`
	Key       string    `json:"key"`
	Transport string    `json:"transport"`
	Rule      string    `json:"rule"`
	Recipient string    `json:"recipient"`
	Original  string    `json:"original"`
	Sender    string    `json:"sender"` // "": the null sender
	Client    string    `json:"client,omitempty"`
	Helo      string    `json:"helo,omitempty"`
	Login     string    `json:"login,omitempty"`
	Listener  string    `json:"listener,omitempty"`
	Copy      string    `json:"copy,omitempty"`
	Received  time.Time `json:"received"`
	Attempt   int       `json:"attempt"`
	Size      int64     `json:"size"`
}

func (r *run) envelopeOf(rcpt spool.Recipient) hookEnvelope {
	j, e := &r.a.Job, &r.a.Envelope
	sender := ""
	if !j.Sender.IsNull() {
		sender = j.Sender.String()
	}
	return hookEnvelope{
		ID: j.Message.String(), Key: r.hookKey(rcpt), Transport: r.t.Name, Rule: j.Rule,
		Recipient: rcpt.Final.String(), Original: originalOf(rcpt).String(), Sender: sender,
		Client: e.Client, Helo: e.Helo, Login: e.Login, Listener: e.Listener, Copy: j.Copy,
		Received: j.Arrived, Attempt: j.Attempts + 1, Size: r.a.Body.Size(),
	}
}

// hookVerdict is what a status means: 2xx is delivered, a 4xx that is not to wait
// bounces, everything else waits, a redirect among it: where mail goes is said by
// the configuration.
func hookVerdict(status int, wait []config.StatusRange) (spool.State, mail.Reply) {
	text := fmt.Sprintf("webhook answered %d", status)
	waits := false
	for _, w := range wait {
		waits = waits || w.Holds(status)
	}
	switch {
	case status >= 200 && status < 300:
		return spool.Delivered, mail.Reply{Code: 250, Enhanced: "2.0.0", Text: text}
	case status < 400 || status > 499 || waits:
		return spool.Waiting, mail.Reply{Code: 451, Enhanced: "4.3.0", Text: text}
	}
	enhanced := map[int]string{
		http.StatusBadRequest: "5.6.0", http.StatusUnauthorized: "5.7.1", http.StatusForbidden: "5.7.1", http.StatusNotFound: "5.1.1",
		http.StatusGone: "5.1.1", http.StatusRequestEntityTooLarge: "5.3.4", http.StatusUnsupportedMediaType: "5.6.1", http.StatusUnprocessableEntity: "5.6.0",
	}[status]
	if enhanced == "" {
		enhanced = "5.3.0"
	}
	return spool.Failed, mail.Reply{Code: 554, Enhanced: enhanced, Text: text}
}

// retryAfter reads seconds or a date (RFC 9110 s10.2.3); zero for neither.
func retryAfter(s string, now time.Time) time.Time {
	if n, err := strconv.ParseUint(s, 10, 31); err == nil {
		return now.Add(time.Duration(n) * time.Second)
	}
	at, err := http.ParseTime(s)
	if err != nil {
		return time.Time{}
	}
	return at
}
