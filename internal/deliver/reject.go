package deliver

import (
	"strconv"
	"strings"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

// reject fails the recipients with the transport's reply or, for the built-in
// error transport, with the text that stands in the place of its nexthop
// (Postfix error(8)). What was accepted is refused here only when a later
// configuration sends it this way.
func (r *run) reject() {
	reply := r.t.Reply
	if len(r.a.Job.Nexthops) > 0 {
		reply = errorReply(strings.Join(r.a.Job.Nexthops, ","))
	}
	if reply.IsZero() {
		reply = mail.Reply{Code: 550, Enhanced: "5.7.1", Text: "mail for this address is refused"}
	}
	state := spool.Failed
	if reply.Transient() {
		state = spool.Waiting
	}
	for i := range r.slots {
		r.settle(i, state, reply, "")
	}
}

// errorReply reads "5.1.6 user has moved", "550 5.1.6 user has moved" or a text
// alone.
func errorReply(s string) mail.Reply {
	r := mail.Reply{Code: 550, Enhanced: "5.0.0"}
	if code, rest, _ := strings.Cut(s, " "); len(code) == 3 && (code[0] == '4' || code[0] == '5') {
		if n, err := strconv.Atoi(code); err == nil {
			r.Code, r.Enhanced, s = n, code[:1]+".0.0", rest
		}
	}
	if status, rest, _ := strings.Cut(s, " "); isStatus(status) {
		r.Enhanced, s = status, rest
		if r.Code/100 != int(status[0]-'0') {
			r.Code = map[byte]int{'4': 450, '5': 550}[status[0]]
		}
	}
	r.Text = strings.TrimSpace(s)
	return r
}

// isStatus tells whether s is an enhanced status of class 4 or 5 (RFC 3463 s2).
func isStatus(s string) bool {
	parts := strings.Split(s, ".")
	if len(parts) != 3 || (parts[0] != "4" && parts[0] != "5") {
		return false
	}
	for _, p := range parts[1:] {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n > 999 {
			return false
		}
	}
	return true
}

// discard says that all is well and drops the message. The members of an alias
// have it from other jobs.
func (r *run) discard() {
	text := "discarded"
	if r.a.Job.Lane.Transport == decide.BuiltinExpanded {
		text = "passed on"
	}
	for i := range r.slots {
		r.settle(i, spool.Delivered, mail.Reply{Code: 250, Enhanced: "2.0.0", Text: text}, "")
	}
}
