// Package deliver carries out one attempt: a job of the queue in, a result for
// each of its recipients out.
//
// The transport's definition comes from the current configuration. Planner.Plan
// turns it into hosts in the order of trial (`postroad route --dns` calls the
// same function); the transports mx, smtp and lmtp then speak to them over
// connections that a pool keeps within one identity; webhook posts to
// a service and pipe runs a program, for each recipient; maildir, reject and discard end here. What a host says becomes delivered, failed or waiting in
// one place, outcome.go.
//
// It does not know when: schedule, expiry and notices are the queue's. It does
// not choose the transport either; that was decided before the commit.
//
// RFCs: 5321 (s3.6 to s3.8, s4.2, s4.4, s4.5.4, s5), 7505 (null MX), 8305 (the
// next address after a short delay), 2033 (LMTP), 3207 (STARTTLS), 4954 (AUTH),
// 3461 (DSN passed on), 3463 (statuses of our own), 9228 (Delivered-To).
//
// Failure: whatever is not understood leaves the recipient waiting. A panic is
// caught, logged and counted, and its recipients wait.
package deliver
