// Package report writes delivery status notifications: what failed, waits, was
// relayed, delivered or expanded, as a message that people and programs read.
//
// It does not decide when a report is due (queue does) and not where it goes
// (decide does); it stores nothing. Clock and randomness come with the input, so
// that the same input gives the same octets.
//
// RFCs: 3461 (which recipients ask for a report, what is returned), 3463 (enhanced
// status), 3464 (message/delivery-status), 3834 (automatic answers), 6522
// (multipart/report), 6533 (internationalised reports).
//
// Failure: Compose returns an error and no octets. What remote hosts, senders and
// envelopes said is taken as hostile: control characters never reach a header,
// and lengths are bounded.
package report
