package spool

import "github.com/cockroachdb/pebble/v2"

// writer puts records into a batch, with memory for keys and values that it
// uses again. Set and Delete of a batch without an index cannot fail.
//
// Keys that are written once and deleted once (m, b, d, h, f, t, e) are deleted
// with SingleDelete, so that the flush of a memtable drops both and writes
// nothing. j and r are written again at each change and take a plain Delete then,
// which a flush keeps; those of a job that ends with its first attempt do not.
type writer struct {
	b          *pebble.Batch
	key, value []byte
}

// set writes a sealed value.
func (w *writer) set() {
	seal(w.key, w.value)
	_ = w.b.Set(w.key, w.value, nil)
}

func (w *writer) message(id ID, e *Envelope) {
	w.key = appendMessageKey(w.key[:0], famMessage, id)
	w.value = appendEnvelope(header(w.value[:0]), e)
	w.set()
	w.key = appendSenderKey(w.key[:0], e.Sender, id)
	w.value = appendInt(header(w.value[:0]), e.Size)
	w.set()
}

// inlineBody writes the body straight into the batch.
func (w *writer) inlineBody(id ID, body text) {
	w.key = appendMessageKey(w.key[:0], famBody, id)
	op := w.b.SetDeferred(len(w.key), headerSize+1+body.size())
	copy(op.Key, w.key)
	value := append(header(op.Value[:0]), kindInline)
	for _, span := range body {
		value = append(value, span...)
	}
	seal(w.key, value)
	_ = op.Finish()
}

func (w *writer) fileBody(id ID, f *fileRecord) {
	w.key = appendMessageKey(w.key[:0], famBody, id)
	w.value = appendFile(header(w.value[:0]), f)
	w.set()
}

// newJob writes all of a job.
func (w *writer) newJob(j *jobRecord) {
	r := j.ref()
	w.job(j)
	for i := range j.Recipients {
		w.recipient(r, &j.Recipients[i])
	}
	w.schedule(j)
	w.index(j, func() { w.set() })
}

// dropJob deletes all of a job.
func (w *writer) dropJob(j *jobRecord) {
	r, drop := j.ref(), w.b.Delete
	if j.once {
		drop = w.b.SingleDelete
	}
	w.key = appendJobKey(w.key[:0], famJob, r)
	_ = drop(w.key, nil)
	for n := range j.Recipients {
		w.key = appendRecipientKey(w.key[:0], r, n)
		_ = drop(w.key, nil)
	}
	w.unschedule(j)
	w.dropIndex(j)
}

// dropIndex deletes the index keys of a job.
func (w *writer) dropIndex(j *jobRecord) {
	w.index(j, func() { _ = w.b.SingleDelete(w.key, nil) })
}

// index visits the index keys of a job; the values are empty but for their
// seal.
func (w *writer) index(j *jobRecord, do func()) {
	w.value = header(w.value[:0])
	if t := j.Lane.Tenant; t != "" {
		w.key = appendIndexKey(w.key[:0], famTenant, t, j.ref())
		do()
	}
	for _, d := range j.domains() {
		w.key = appendIndexKey(w.key[:0], famDomain, d, j.ref())
		do()
	}
}

func (w *writer) job(j *jobRecord) {
	w.key = appendJobKey(w.key[:0], famJob, j.ref())
	w.value = appendJob(header(w.value[:0]), j)
	w.set()
}

func (w *writer) recipient(r ref, rcpt *Recipient) {
	w.key = appendRecipientKey(w.key[:0], r, rcpt.N)
	w.value = appendRecipient(header(w.value[:0]), rcpt)
	w.set()
}

// scheduleKey makes the key under which the job is scheduled or held.
func (w *writer) scheduleKey(j *jobRecord) {
	if j.Held {
		w.key = appendJobKey(w.key[:0], famHeld, j.ref())
		return
	}
	w.key = appendDueKey(w.key[:0], j.Lane, j.slot())
}

func (w *writer) schedule(j *jobRecord) {
	w.scheduleKey(j)
	w.value = appendInt(header(w.value[:0]), int64(j.waiting()))
	w.set()
}

func (w *writer) unschedule(j *jobRecord) {
	w.scheduleKey(j)
	_ = w.b.SingleDelete(w.key, nil)
}

// dropMessage deletes envelope and body with the message's last job.
func (w *writer) dropMessage(j *jobRecord) {
	for _, fam := range []byte{famMessage, famBody} {
		w.key = appendMessageKey(w.key[:0], fam, j.Message)
		_ = w.b.SingleDelete(w.key, nil)
	}
	w.key = appendSenderKey(w.key[:0], j.from, j.Message)
	_ = w.b.SingleDelete(w.key, nil)
}
