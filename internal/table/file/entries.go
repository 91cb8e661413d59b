package file

import "github.com/postroad/postroad/internal/table"

// Each calls f for each entry, in no order, until it returns false. Tables of
// patterns have no such method: what they match cannot be listed.
func (m *compact) Each(f func(key string, a table.Answer) bool) {
	for _, slot := range m.slots {
		if slot == 0 {
			continue
		}
		if key, rest := cutText(m.record(slot)); !f(key, answer(rest)) {
			return
		}
	}
}
