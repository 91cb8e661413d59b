package decide

import "github.com/postroad/postroad/internal/mail"

// ruling is what a stage says: go on (Accept), or the end with its reply. The
// zero ruling defers.
type ruling struct {
	verdict Verdict
	reply   mail.Reply
}

// Replies are public: they never tell a table or a rule. The trace does.

func accepted() ruling {
	return ruling{Accept, mail.Reply{Code: 250, Enhanced: "2.1.5", Text: "Recipient ok"}}
}

// refused ends with a reply, whose code tells whether for good.
func refused(r mail.Reply) ruling {
	if r.Permanent() {
		return ruling{Reject, r}
	}
	return ruling{Defer, r}
}

// tryLater: something that is needed for the answer is away.
func tryLater() ruling {
	return refused(mail.Reply{Code: 451, Enhanced: "4.3.0", Text: "Temporary failure, try again later"})
}

// misconfigured: the rules or tables say what cannot be done; mail waits for the
// administrator (RFC 3463 s3.4, X.3.5).
func misconfigured() ruling {
	return refused(mail.Reply{Code: 451, Enhanced: "4.3.5", Text: "System incorrectly configured, try again later"})
}

func unknownUser() ruling {
	return refused(mail.Reply{Code: 550, Enhanced: "5.1.1", Text: "No such user here"})
}

func relayDenied() ruling {
	return refused(mail.Reply{Code: 554, Enhanced: "5.7.1", Text: "Relay access denied"})
}

func routingRefused() ruling {
	return refused(mail.Reply{Code: 554, Enhanced: "5.7.1", Text: "Sender-specified routing refused"})
}

// mailLoops names a loop (RFC 5321 s6.3, RFC 3463 X.4.6).
func mailLoops() ruling {
	return refused(mail.Reply{Code: 554, Enhanced: "5.4.6", Text: "Mail loops"})
}

// orReply gives r, or the other when there is none.
func orReply(r mail.Reply, code int, enhanced, text string) mail.Reply {
	if r.IsZero() {
		return mail.Reply{Code: code, Enhanced: enhanced, Text: text}
	}
	return r
}
