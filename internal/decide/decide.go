package decide

import "github.com/postroad/postroad/internal/mail"

// Input of one decision.
type Input struct {
	Facts  Facts
	Sender mail.Path
	EnvID  string
	Ret    mail.Ret
	Memo   *Memo
	Trace  bool // fill Steps
}
