package spool

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"github.com/cockroachdb/pebble/v2"
)

// quarantineMagic begins a file of quarantine/: a line that says why, then the
// records as they are, key and value each with its length before it. A value
// that cannot be read at all is empty.
const quarantineMagic = "postroad quarantine 1\n"

// quarantineMessage keeps a message whose envelope or body is damaged: a copy
// of all that can be read, and its jobs held, until an administrator looks.
func (p *Pebble) quarantineMessage(ctx context.Context, id ID, cause error) {
	if !p.keep(id.String(), id, cause) {
		return
	}
	_, err := p.Change(context.WithoutCancel(ctx), Filter{IDs: []ID{id}}, ActionHold, nil)
	p.logError("holding a damaged message", err)
}

// quarantineJob takes a job whose own records are damaged out of the database,
// after they are copied; with the last one its message goes too. It has been
// taken from the lanes and has no lease.
func (p *Pebble) quarantineJob(lane Lane, s slot, cause error) {
	id := s.ref.id
	if !p.keep(fmt.Sprintf("%s-%d", id, s.ref.job), id, cause) {
		return
	}
	b := p.db.NewBatch()
	last, err := p.cutJob(b, lane, s)
	if err != nil {
		b.Close()
		p.logError("taking a damaged job out", err)
		return
	}
	p.settle(b)
	from := p.bodyPath(id)
	if _, err := p.opt.FS.Stat(from); last && err == nil {
		p.logError("moving a body to quarantine", p.opt.FS.Rename(from, p.folder.path(quarantineName, id.String()+".body")))
	}
}

// cutJob applies a batch that deletes a job of which only the place in the
// schedule is sure. Of its keys in the index by domain those of recipients that
// cannot be read stay behind; they lead nowhere, and a repair leaves them out.
func (p *Pebble) cutJob(b *pebble.Batch, lane Lane, s slot) (last bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	last = true
	err = p.jobsOf(s.ref.id, func(r ref) bool {
		last = r == s.ref
		return last
	})
	if err != nil {
		return false, err
	}
	due := appendDueKey(nil, lane, s)
	waiting := int64(0)
	err = p.get(due, func(value []byte) (err error) {
		waiting, err = decodeNumber(due, value)
		return err
	})
	p.logError("counting a damaged job", err)
	recipients := appendJobKey(nil, famRecipient, s.ref)
	_ = b.Delete(appendJobKey(nil, famJob, s.ref), nil)
	_ = b.DeleteRange(recipients, keyEnd(recipients), nil)
	_ = b.SingleDelete(due, nil)
	w := writer{b: b}
	w.dropIndex(&jobRecord{Job: Job{Message: s.ref.id, N: int(s.ref.job), Lane: lane, Recipients: p.readable(recipients)}})
	if last {
		p.cutMessage(b, s.ref.id)
	}
	p.apply(b)
	p.total.add(lane.way(), sum{jobs: -1, recipients: -waiting})
	return last, nil
}

// readable gives those of a job's recipients whose records can be read.
func (p *Pebble) readable(recipients []byte) []Recipient {
	var out []Recipient
	err := p.each(recipients, nil, func(key, value []byte) bool {
		if r, err := decodeRecipient(0, key, value); err == nil {
			out = append(out, r)
		}
		return true
	})
	p.logError("reading the recipients of a damaged job", err)
	return out
}

// cutMessage deletes a message that has no jobs left. The caller holds mu.
func (p *Pebble) cutMessage(b *pebble.Batch, id ID) {
	env, err := p.readEnvelope(id)
	if err == nil {
		_ = b.SingleDelete(appendSenderKey(nil, env.Sender, id), nil)
		p.dropped(env.Size)
	}
	for _, fam := range []byte{famMessage, famBody} {
		_ = b.SingleDelete(appendMessageKey(nil, fam, id), nil)
	}
}

// keep writes what can be read of a message to quarantine/, unless that was done
// before, and tells whether it lies there durably.
func (p *Pebble) keep(name string, id ID, cause error) bool {
	p.damaged.Add(1)
	p.opt.Log.Error("spool: damaged record, see quarantine", "message", id, "file", name, "error", cause)
	_, err := p.opt.FS.Stat(p.folder.path(quarantineName, name))
	if !errors.Is(err, os.ErrNotExist) {
		p.logError("looking into quarantine", err)
		return err == nil
	}
	err = p.folder.replaceFile(p.dump(id, cause), quarantineName, name)
	p.logError("writing to quarantine", err)
	return err == nil
}

// dump gives all records of a message as they are.
func (p *Pebble) dump(id ID, cause error) []byte {
	out := fmt.Appendf([]byte(quarantineMagic), "%q\n", cause.Error())
	add := func(key, value []byte) bool {
		out = append(binary.AppendUvarint(out, uint64(len(key))), key...)
		out = append(binary.AppendUvarint(out, uint64(len(value))), value...)
		return true
	}
	for _, fam := range []byte{famMessage, famBody, famJob, famRecipient} {
		prefix := appendMessageKey(nil, fam, id)
		if err := p.each(prefix, nil, add); err != nil {
			add(prefix, nil)
		}
	}
	return out
}
