package mail

import "errors"

// Error is what crosses a boundary to SMTP or to a DSN. Reply is public and
// never holds a detail of configuration or tables; Cause is for the operator.
type Error struct {
	Op    string // where the fact was known, as "deliver.smtp"
	Reply Reply
	Cause error // may be nil
}

// Error gives the operation, the public reply and the private cause.
func (e *Error) Error() string {
	s := e.Op + ": " + e.Reply.String()
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap gives the private cause.
func (e *Error) Unwrap() error { return e.Cause }

// ReplyOf gives the reply that err carries. An error that nobody classified is
// transient: 451 4.3.0.
func ReplyOf(err error) Reply {
	var e *Error
	if errors.As(err, &e) {
		return e.Reply
	}
	return Reply{Code: 451, Enhanced: "4.3.0", Text: "temporary failure, try again later"}
}
