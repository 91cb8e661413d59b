package spool

// totals are the counters over all lanes.
type totals struct {
	messages, jobs, recipients, held, bytes int64
}

// addJob counts a job in (sign 1) or out (-1), with its waiting recipients.
func (t *totals) addJob(sign int64, j *jobRecord) {
	t.jobs += sign
	t.recipients += sign * int64(j.waiting())
	if j.Held {
		t.held += sign
	}
}

// addMessage counts a message in or out, with the size of its body.
func (t *totals) addMessage(sign, size int64) {
	t.messages += sign
	t.bytes += sign * size
}
