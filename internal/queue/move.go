package queue

import (
	"slices"
	"time"

	"github.com/postroad/postroad/internal/spool"
)

// successors gives the jobs in which the recipients that moved go on, one a lane.
// They begin anew there, but for the age of the message.
func (v *verdict) successors(j *spool.Job, e ending) []spool.Job {
	var out []spool.Job
	for _, i := range v.moved {
		r := v.recipients[i]
		res := e.result.of(r.N)
		at := slices.IndexFunc(out, func(o spool.Job) bool { return o.Lane == res.Lane })
		if at < 0 {
			at = len(out)
			next := *j
			next.Lane, next.Nexthops, next.Recipients = res.Lane, nil, nil
			next.Attempts, next.LastTry, next.Due = 0, time.Time{}, e.now
			out = append(out, next)
		}
		r.State = spool.Waiting
		if res.NotBy != "" {
			r.NotBy = res.NotBy
		}
		out[at].Recipients = append(out[at].Recipients, r)
	}
	return out
}

// of gives the result of the recipient with that number.
func (r Result) of(n int) RecipientResult {
	for _, one := range r.Recipients {
		if one.N == n {
			return one
		}
	}
	return RecipientResult{N: n}
}

// isUntried tells of a result that says nothing of the lane: all recipients went
// on elsewhere before anybody was asked.
func (r Result) isUntried() bool {
	return !slices.ContainsFunc(r.Recipients, func(one RecipientResult) bool {
		return one.State != spool.Moved || one.Remote != ""
	})
}
