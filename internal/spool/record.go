package spool

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/postroad/postroad/internal/mail"
)

// jobRecord is a job as it is stored, with all its recipients.
type jobRecord struct {
	Job
	// alone: the message never had another job, so that it ends with this one
	// and nobody needs to look for others.
	alone bool
	// big: the body is a file. from: the envelope's sender. Both are needed when
	// the message goes, and spare reading its envelope then.
	big  bool
	from mail.Path
	// once: this process wrote the records of the job and did not write them again.
	// It is not stored.
	once bool
}

// waiting counts the recipients that have not ended.
func (j *jobRecord) waiting() int {
	n := 0
	for i := range j.Recipients {
		if j.Recipients[i].State == Waiting {
			n++
		}
	}
	return n
}

// slot is the job's place in the schedule.
func (j *jobRecord) slot() slot {
	s := slot{due: stamp(j.Due), ref: j.ref()}
	if j.Asleep {
		s.due = min(s.due, math.MaxInt64-sleep) - sleep
	}
	return s
}

// domains gives each domain of a final recipient once.
func (j *jobRecord) domains() []string {
	if len(j.Recipients) == 1 {
		return []string{string(j.Recipients[0].Final.Domain)}
	}
	var out []string
	for i := range j.Recipients {
		out = append(out, string(j.Recipients[i].Final.Domain))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Flags of an envelope and of a job.
const (
	flagSMTPUTF8 = 1 << iota
	flagHeld
	flagAlone
	flagBig
	flagFrom // the envelope has another sender than the job
	flagWarned
	flagHomed
	flagNotBy // a recipient: the transport follows
	// flagEdits of a job shares the bit: the edits of the body follow.
	flagEdits = flagNotBy
	// flagAsleep of a job shares that of a recipient's warning.
	flagAsleep = flagWarned
)

func bit(on bool, f byte) byte {
	if on {
		return f
	}
	return 0
}

func appendEnvelope(b []byte, e *Envelope) []byte {
	b = append(b, bit(e.SMTPUTF8, flagSMTPUTF8), byte(e.Body), e.Origin)
	b = appendAddress(b, e.Sender.Address)
	b = appendTime(b, e.Arrived)
	for _, s := range []string{e.Generation, e.Client, e.Helo, e.Login, e.Listener, e.MessageID, e.Tenant} {
		b = appendString(b, s)
	}
	b = appendInt(b, e.Size)
	return appendString(b, string(e.Decision))
}

func decodeEnvelope(key, value []byte) (e Envelope, err error) {
	d, err := unseal(key, value)
	if err != nil {
		return e, err
	}
	e.SMTPUTF8 = d.flags(flagSMTPUTF8)&flagSMTPUTF8 != 0
	e.Body, e.Origin = mail.BodyType(d.byte()), d.byte()
	e.Sender.Address = d.address()
	e.Arrived = d.time()
	for _, to := range []*string{&e.Generation, &e.Client, &e.Helo, &e.Login, &e.Listener, &e.MessageID, &e.Tenant} {
		*to = d.string()
	}
	e.Size = d.int()
	if decision := d.bytes(d.uvarint()); len(decision) > 0 {
		e.Decision = slices.Clone(decision)
	}
	return e, d.end()
}

// flags reads an octet of flags, of which only the known ones may be set.
func (d *decoder) flags(known byte) byte {
	f := d.byte()
	if f&^known != 0 {
		d.rest, d.bad = nil, true
	}
	return f
}

func appendJob(b []byte, j *jobRecord) []byte {
	flags := bit(j.SMTPUTF8, flagSMTPUTF8) | bit(j.Held, flagHeld) | bit(j.alone, flagAlone) |
		bit(j.big, flagBig) | bit(j.from != j.Sender, flagFrom) | bit(j.Homed, flagHomed) |
		bit(len(j.Edits) > 0, flagEdits) | bit(j.Asleep, flagAsleep)
	b = append(b, flags, byte(j.Ret), byte(j.Body))
	for _, s := range []string{j.Lane.Tenant, j.Lane.Transport, j.Lane.Nexthop, j.EnvID, j.Rule, j.Copy} {
		b = appendString(b, s)
	}
	for _, a := range []mail.Address{j.Sender.Address, j.Expanded, j.Original} {
		b = appendAddress(b, a)
	}
	if j.from != j.Sender {
		b = appendAddress(b, j.from.Address)
	}
	b = appendInt(b, int64(len(j.Nexthops)))
	for _, h := range j.Nexthops {
		b = appendString(b, h)
	}
	if len(j.Edits) > 0 {
		b = appendEdits(b, j.Edits)
	}
	b = appendInt(appendInt(b, j.Size), int64(j.Attempts))
	b = appendTime(appendTime(appendTime(b, j.Arrived), j.LastTry), j.Due)
	return appendInt(appendInt(b, int64(len(j.Recipients))), int64(j.waiting()))
}

// tally is what a job's record tells of its recipients, which are records of
// their own.
type tally struct{ all, waiting int }

// decodeJob reads a job without its recipients.
func decodeJob(r ref, key, value []byte) (*jobRecord, tally, error) {
	d, err := unseal(key, value)
	if err != nil {
		return nil, tally{}, err
	}
	j := &jobRecord{}
	j.Message, j.N = r.id, int(r.job)
	flags := d.flags(flagSMTPUTF8 | flagHeld | flagAlone | flagBig | flagFrom | flagHomed | flagEdits | flagAsleep)
	j.Asleep = flags&flagAsleep != 0
	j.SMTPUTF8, j.Held, j.Homed = flags&flagSMTPUTF8 != 0, flags&flagHeld != 0, flags&flagHomed != 0
	j.alone, j.big = flags&flagAlone != 0, flags&flagBig != 0
	j.Ret, j.Body = mail.Ret(d.byte()), mail.BodyType(d.byte())
	for _, to := range []*string{&j.Lane.Tenant, &j.Lane.Transport, &j.Lane.Nexthop, &j.EnvID, &j.Rule, &j.Copy} {
		*to = d.string()
	}
	for _, to := range []*mail.Address{&j.Sender.Address, &j.Expanded, &j.Original} {
		*to = d.address()
	}
	if j.from = j.Sender; flags&flagFrom != 0 {
		j.from.Address = d.address()
		d.bad = d.bad || j.from == j.Sender
	}
	for range d.count() {
		j.Nexthops = append(j.Nexthops, d.string())
	}
	if flags&flagEdits != 0 {
		j.Edits = d.edits()
	}
	j.Size, j.Attempts = d.int(), int(d.int())
	j.Arrived, j.LastTry, j.Due = d.time(), d.time(), d.time()
	t := tally{all: int(d.int()), waiting: int(d.int())}
	if t.waiting < 1 || t.all < t.waiting || t.all > maxRecipients {
		d.bad = true
	}
	return j, t, d.end()
}

// maxRecipients of one job. It bounds what a damaged record can make us
// allocate; an alias chain ends long before it.
const maxRecipients = 1 << 20

func appendRecipient(b []byte, r *Recipient) []byte {
	b = append(b, bit(r.Warned, flagWarned)|bit(r.NotBy != "", flagNotBy), byte(r.Notify), byte(r.State))
	b = appendAddress(appendAddress(b, r.Final), r.Original)
	b = appendReply(appendString(b, r.ORCPT), r.Reply)
	b = appendString(b, r.Remote)
	if r.NotBy != "" {
		b = appendString(b, r.NotBy)
	}
	return b
}

func decodeRecipient(n int, key, value []byte) (r Recipient, err error) {
	d, err := unseal(key, value)
	if err != nil {
		return r, err
	}
	r.N = n
	flags := d.flags(flagWarned | flagNotBy)
	r.Warned = flags&flagWarned != 0
	r.Notify, r.State = mail.Notify(d.byte()), State(d.byte())
	r.Final, r.Original = d.address(), d.address()
	r.ORCPT, r.Reply = d.string(), d.reply()
	r.Remote = d.string()
	if flags&flagNotBy != 0 {
		r.NotBy = d.string()
		d.bad = d.bad || r.NotBy == ""
	}
	if r.State > Moved {
		return r, ErrDamaged
	}
	return r, d.end()
}

// decodeNumber reads a value that is one number: how many recipients wait (d, h)
// or how long the body is (f).
func decodeNumber(key, value []byte) (int64, error) {
	d, err := unseal(key, value)
	if err != nil {
		return 0, err
	}
	n := d.int()
	return n, d.end()
}

// Kinds of body record.
const (
	kindInline = iota // the octets follow
	kindFile          // a file: its size, and the checksum of each block
)

// blockSize is how much of a body file one checksum covers: what is read and
// checked at once.
const blockSize = 64 << 10

// fileRecord tells about a body in a file.
type fileRecord struct {
	size int64
	sums []uint32 // CRC-32C of each block
}

func appendFile(b []byte, f *fileRecord) []byte {
	b = appendInt(append(b, kindFile), f.size)
	for _, s := range f.sums {
		b = binary.LittleEndian.AppendUint32(b, s)
	}
	return b
}

// decodeBody gives the octets of an inline body, sharing value's memory, or the
// record of its file.
func decodeBody(key, value []byte) ([]byte, *fileRecord, error) {
	d, err := unseal(key, value)
	if err != nil {
		return nil, nil, err
	}
	switch d.byte() {
	case kindInline:
		if d.bad {
			return nil, nil, d.end()
		}
		return d.rest, nil, nil
	case kindFile:
		f := &fileRecord{size: d.int()}
		if f.size < 0 || uint64(len(d.rest)) != uint64((f.size+blockSize-1)/blockSize)*4 {
			return nil, nil, ErrDamaged
		}
		for !d.bad && len(d.rest) > 0 {
			f.sums = append(f.sums, binary.LittleEndian.Uint32(d.bytes(4)))
		}
		return nil, f, d.end()
	}
	return nil, nil, ErrDamaged
}
