package lab

import (
	"strings"
	"time"
)

// Step is a point of a session at which a Rule acts.
type Step string

// Steps. Body is the end of the data; in LMTP once for each recipient.
const (
	Greeting Step = "greeting"
	Hello    Step = "hello" // EHLO, HELO and LHLO
	StartTLS Step = "starttls"
	Auth     Step = "auth"
	Mail     Step = "mail"
	Rcpt     Step = "rcpt"
	Data     Step = "data"
	Body     Step = "body"
	Rset     Step = "rset"
	Noop     Step = "noop"
	Quit     Step = "quit"
)

// Rule makes a receiver do something else than accept. The first rule that fits
// acts; several rules at one step make a script.
type Rule struct {
	At    Step
	Match string // address of MAIL, RCPT or LMTP's Body; "" any; "@example.com" a domain; compared without case
	Skip  int    // so often it does not act yet
	Times int    // then so often it does; 0: always

	Reply string        // instead of the usual one, "451 4.2.0 later"; "\n" separates lines
	Delay time.Duration // before the reply
	Drop  bool          // close instead of replying; what Reply says is done but not said
	Close bool          // close after the reply
}

// fits counts, so it must be called once an event only.
func (r *Rule) fits(at Step, subject string) bool {
	if r.At != at || r.Times < 0 || !r.matches(subject) {
		return false
	}
	if r.Skip > 0 {
		r.Skip--
		return false
	}
	if r.Times > 0 {
		if r.Times--; r.Times == 0 {
			r.Times = -1 // spent
		}
	}
	return true
}

func (r *Rule) matches(subject string) bool {
	if strings.HasPrefix(r.Match, "@") {
		return len(subject) > len(r.Match) && strings.EqualFold(subject[len(subject)-len(r.Match):], r.Match)
	}
	return r.Match == "" || strings.EqualFold(r.Match, subject)
}

// On adds a rule, from now on and for sessions that are open.
func (r *Receiver) On(rule Rule) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rules = append(r.rules, &rule)
}

// Clear takes all rules and cuts away.
func (r *Receiver) Clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rules, r.cuts = nil, nil
}

// rule finds what to do at a step; the zero Rule is the usual thing.
func (r *Receiver) rule(at Step, subject string) Rule {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rule := range r.rules {
		if rule.fits(at, subject) {
			return *rule
		}
	}
	return Rule{}
}
