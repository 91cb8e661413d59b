package spool

// totals are the counters over all lanes. Those of a way are in memory too, since
// lanes may be as many as messages, and ways are as few as the configuration has
// lines.
type totals struct {
	messages, bytes int64
	sum
	ways map[way]*sum
}

// sum of some jobs.
type sum struct{ jobs, recipients, held int64 }

// way is what the lanes of a transport have in common.
type way struct{ tenant, transport string }

func (l *Lane) way() way { return way{l.Tenant, l.Transport} }

// addJob counts a job in (sign 1) or out (-1), with its waiting recipients.
func (t *totals) addJob(sign int64, j *jobRecord) {
	s := sum{jobs: sign, recipients: sign * int64(j.waiting())}
	if j.Held {
		s.held = sign
	}
	t.add(j.Lane.way(), s)
}

// add counts jobs of a way; a way without jobs is forgotten.
func (t *totals) add(w way, s sum) {
	t.sum.add(s)
	of := t.ways[w]
	if of == nil {
		of = &sum{}
		t.ways[w] = of
	}
	if of.add(s); of.jobs == 0 {
		delete(t.ways, w)
	}
}

func (s *sum) add(o sum) {
	s.jobs += o.jobs
	s.recipients += o.recipients
	s.held += o.held
}

// addMessage counts a message in or out, with the size of its body.
func (t *totals) addMessage(sign, size int64) {
	t.messages += sign
	t.bytes += sign * size
}
