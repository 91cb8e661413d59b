package spool

import (
	"time"

	"github.com/postroad/postroad/internal/mail"
)

// Lane is what shares a schedule: known at commit and persisted.
type Lane struct {
	Tenant    string
	Transport string
	Nexthop   string // recipient domain for mx, override or "" for the rest
}

// State of one recipient.
type State uint8

// States of a recipient. Everything but Waiting is an end.
const (
	Waiting State = iota
	Delivered
	Failed  // bounced, or dropped where no DSN may be sent
	Removed // by an administrator
	Moved   // goes on in another job of the message
)

// Recipient of a job.
type Recipient struct {
	N        int // index in its job, fixed
	Final    mail.Address
	Original mail.Address
	Notify   mail.Notify
	ORCPT    string
	State    State
	Reply    mail.Reply // last remote or own reply
	Remote   string     // host that said it
	Warned   bool       // a delay DSN went out
	// NotBy is a transport that has said that it does not know the recipient, or
	// that sent the message back: it goes by the other side of a migration. "":
	// none has.
	NotBy string
}

// Job is message × delivery group: recipients that share transport, sender and
// edits, and so a transaction.
type Job struct {
	Message  ID
	N        int // index in the message
	Lane     Lane
	Nexthops []string // overrides of the transport's hosts
	Edits    []Edit   // of the body as it leaves, in order
	Sender   mail.Path
	EnvID    string
	Ret      mail.Ret
	Body     mail.BodyType
	SMTPUTF8 bool
	Rule     string       // "route.partner (postroad.hcl:31)"
	Copy     string       // rule of the copy, or ""
	Expanded mail.Address // for Delivered-To and X-Original-To; zero: none
	Original mail.Address // for X-Original-To; zero: as Expanded
	Homed    bool         // the way of each recipient is looked up at each attempt: a migration
	Size     int64
	Arrived  time.Time // UTC

	Attempts   int
	LastTry    time.Time
	Due        time.Time
	Asleep     bool // with its lane: due when that wakes, and at Due all the same
	Held       bool
	Recipients []Recipient // outstanding ones (Waiting) when claimed

	Lease Lease // set by Claim
}

// Lease is the right to change a job until Until.
type Lease struct {
	Message ID
	Job     int
	Token   uint64
	Until   time.Time
}

// RecipientChange is the new state of one recipient of a job.
type RecipientChange struct {
	N      int // of a recipient that still waits; else ErrInvalid
	State  State
	Reply  mail.Reply
	Remote string
	Warned bool
}

// Outcome is what Update writes besides the recipients.
type Outcome struct {
	Changes []RecipientChange
	Next    time.Time // when recipients still wait: the next attempt
	Held    bool      // recipients still waiting are held, with Next ignored
	Uncount bool      // the attempt does not count (never begun)
	Asleep  bool      // the job sleeps with its lane, until Next at most
	// Jobs take over the recipients whose Changes say Moved, each (by its N) in
	// exactly one. They are numbered after the present ones, their recipients from 0.
	Jobs []Job
}
