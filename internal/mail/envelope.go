package mail

// Notify is the set of NOTIFY keywords of a recipient (RFC 3461 s4.1). Zero
// means that none was given, which is not the same as NEVER.
type Notify uint8

// The keywords; NotifyNever stands alone.
const (
	NotifySuccess Notify = 1 << iota
	NotifyFailure
	NotifyDelay
	NotifyNever
)

// Ret is the RET parameter of MAIL (RFC 3461 s4.3).
type Ret uint8

// Values of RET.
const (
	RetUnset Ret = iota
	RetFull
	RetHeaders
)

// BodyType is the BODY parameter of MAIL (RFC 6152, RFC 3030).
type BodyType uint8

// Values of BODY.
const (
	Body7Bit BodyType = iota
	Body8BitMIME
)

// Recipient is one forward-path with its DSN parameters.
type Recipient struct {
	Address Address
	Notify  Notify
	ORCPT   string // as received, "rfc822;xtext", still encoded; "" when absent
}

// Envelope is what MAIL and RCPT said.
type Envelope struct {
	Sender     Path
	Recipients []Recipient
	EnvID      string // still xtext encoded; "" when absent
	Ret        Ret
	Body       BodyType
	SMTPUTF8   bool
	Size       int64 // as declared by SIZE=, 0 when absent
}
