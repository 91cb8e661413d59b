package deliver

import (
	"errors"
	"strings"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/smtp"
)

// action is what a reply to one recipient leads to.
type action uint8

const (
	nextHost action = iota // or wait, after the last one
	delivered
	bounce
)

// judge is the table of SEMANTICS 2 for what was said from MAIL on: accepted is
// delivered, 5yz bounces at once and is not offered to another host, everything
// else goes on to the next one.
func judge(r smtp.RecipientReply) action {
	switch {
	case r.Accepted():
		return delivered
	case r.Reply.Permanent() && !isCrowded(r):
		return bounce
	}
	return nextHost
}

// isCrowded: 552 at RCPT counts as 452 (RFC 5321 s4.5.3.1.10).
func isCrowded(r smtp.RecipientReply) bool {
	return r.Stage == smtp.StageRcpt && r.Reply.Code == 552
}

// asSoft is the reply as it is kept while its recipient waits.
func asSoft(r smtp.RecipientReply) mail.Reply {
	if isCrowded(r) {
		r.Reply.Code = 452
		r.Reply.Enhanced = withClass(r.Reply.Enhanced, "4")
	}
	return r.Reply
}

// withClass changes the class of an enhanced status.
func withClass(status, class string) string {
	if _, rest, ok := strings.Cut(status, "."); ok {
		return class + "." + rest
	}
	return status
}

// failure is why a host did not take a recipient although it did not refuse it
// for good.
type failure struct {
	reply  mail.Reply
	remote string // who said it; "" for our own words
	// final is the status that the failure has when nothing is left to try: at the
	// job's last attempt, and with unanimous as soon as every host failed so. ""
	// means that it stays a 4yz.
	final     string
	unanimous bool
	handshake bool // TLS failed, and took the connection with it
}

// isSilence tells that nobody said anything: there was no connection, or it broke.
func (f failure) isSilence() bool {
	return f.remote == "" && (f.reply.Enhanced == "4.4.1" || f.reply.Enhanced == "4.4.2")
}

// asFinal is the reply of a failure that became final. The host's own 5yz is
// kept in its words.
func (f failure) asFinal() mail.Reply {
	r := f.reply
	if r.Transient() {
		r.Code, r.Enhanced = 550, f.final
	}
	return r
}

// greetingFailure: a host that greets with 5yz is left for the next one. 521
// from all of them means that nobody takes mail there (RFC 7504 s3); any other
// 5yz becomes final only at the end of the retry time, as it may mean us today.
func greetingFailure(r mail.Reply, remote string) failure {
	f := failure{reply: r, remote: remote}
	if r.Permanent() {
		f.final, f.unanimous = "5.3.2", r.Code == 521
	}
	return f
}

// dialogueFailure is a failure between the connection and MAIL.
func dialogueFailure(e *smtp.ClientError, remote string) failure {
	switch {
	case e.Reply.IsZero() && e.Stage == smtp.StageTLS:
		f := tlsFailure(e.Cause)
		f.handshake = true
		return f
	case e.Reply.IsZero():
		return lostFailure(e)
	case e.Stage == smtp.StageGreeting:
		return greetingFailure(e.Reply, remote)
	case e.Stage == smtp.StageTLS:
		return failure{reply: mail.Reply{Code: 454, Enhanced: "4.7.4", Text: "host declines the TLS that is required"}, final: "5.7.4"}
	}
	f := failure{reply: e.Reply, remote: remote}
	if e.Reply.Permanent() {
		f.final = "5.5.0"
	}
	return f
}

// lostFailure is a connection that broke or a host that talked garbage.
func lostFailure(e *smtp.ClientError) failure {
	r := mail.Reply{Code: 451, Enhanced: "4.4.2", Text: "lost connection at " + e.Stage.String()}
	if errors.Is(e, smtp.ErrReply) {
		r.Enhanced, r.Text = "4.5.0", "protocol error at "+e.Stage.String()
	}
	return failure{reply: r}
}
