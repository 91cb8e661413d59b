package queue

import "time"

// Defaults of a Profile whose fields are zero (RFC 5321 s4.5.4.1: half an hour
// between attempts once the first hour is over, four to five days in all).
const (
	defaultThen   = time.Hour
	defaultGiveUp = 5 * 24 * time.Hour
)

// Expiry is when a job gives up that arrived then.
func (p Profile) Expiry(arrived time.Time) time.Time {
	if p.GiveUp <= 0 {
		return arrived.Add(defaultGiveUp)
	}
	return arrived.Add(p.GiveUp)
}

// WarnAt is when the sender of a job is told that it is late: with the next attempt
// from then on. Zero: never.
func (p Profile) WarnAt(arrived time.Time) time.Time {
	if p.Warn <= 0 {
		return time.Time{}
	}
	return arrived.Add(p.Warn)
}

// wait is the pause after the n-th attempt, from 1.
func (p Profile) wait(n int) time.Duration {
	if n >= 1 && n <= len(p.After) && p.After[n-1] > 0 {
		return p.After[n-1]
	}
	if p.Then <= 0 {
		return defaultThen
	}
	return p.Then
}

// next is when the attempt after the n-th comes; the last one falls on the expiry
// itself. jitter in [0,1) keeps jobs that failed together from coming together.
func (p Profile) next(now, arrived time.Time, n int, jitter float64) time.Time {
	return p.notBeyondExpiry(now.Add(spread(p.wait(n), jitter)), arrived, now)
}

// notBeyondExpiry moves the time of an attempt to the expiry, for the last one.
func (p Profile) notBeyondExpiry(due, arrived, now time.Time) time.Time {
	if end := p.Expiry(arrived); due.After(end) && end.After(now) {
		return end
	}
	return due
}

// spread moves d by up to a tenth to either side.
func spread(d time.Duration, jitter float64) time.Duration {
	return d + time.Duration(float64(d)*(jitter-0.5)/5)
}

// look is when a job is looked at that sleeps with its lane: when it is to be
// warned of or gives up, and now and then between, should the profile change.
func (p Profile) look(now, arrived time.Time, jitter float64) time.Time {
	due := now.Add(spread(p.wait(0), jitter))
	if at := p.WarnAt(arrived); at.After(now) && at.Before(due) {
		due = at
	}
	return p.notBeyondExpiry(due, arrived, now)
}
