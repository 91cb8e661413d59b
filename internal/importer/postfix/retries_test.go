package postfix

import (
	"strconv"
	"testing"
)

// The waits are those of qmgr(8), attempt by attempt: the age of the message at
// each attempt, between the two bounds (qmgr_active_defer).
func TestWaitsAreThoseOfTheQueueManager(t *testing.T) {
	for _, c := range [][2]int{{300, 4000}, {600, 4000}, {60, 86400}, {300, 300}, {1000, 300}, {7, 100}, {0, 0}} {
		first, longest := max(c[0], 1), max(c[1], 1)
		after, then := waits(c[0], c[1])
		age := 0
		for attempt := range 25 {
			theirs := max(min(age, longest), first)
			ours := then
			if attempt < len(after) {
				ours = after[attempt]
			}
			if ours != strconv.Itoa(theirs)+"s" {
				t.Errorf("%v: after attempt %d: %s, Postfix waits %ds", c, attempt+1, ours, theirs)
			}
			age += theirs
		}
	}
}
