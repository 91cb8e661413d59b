package spool

// pageSize is the piece by which a body in memory grows: most mail fits in one.
const pageSize = 16 << 10

// text is a body in memory, in pages that are full but for the last. Growing
// moves nothing of it, it takes hardly more of the budget than it needs, and all
// of it is used again, whatever the size of the next body.
type text [][]byte

// write appends b.
func (t *text) write(b []byte, m *memory) {
	for len(b) > 0 {
		last := len(*t) - 1
		if last < 0 || len((*t)[last]) == pageSize {
			*t = append(*t, m.page()[:0])
			last++
		}
		page := (*t)[last]
		n := min(len(b), pageSize-len(page))
		(*t)[last] = append(page, b[:n]...)
		b = b[n:]
	}
}

// readAt copies from an offset that is not negative, as far as there is text.
func (t text) readAt(p []byte, off int64) int {
	n := 0
	for i := off / pageSize; i < int64(len(t)) && n < len(p); i++ {
		inside := off + int64(n) - i*pageSize
		n += copy(p[n:], t[i][min(inside, int64(len(t[i]))):])
	}
	return n
}

// size in octets.
func (t text) size() int {
	n := 0
	for _, span := range t {
		n += len(span)
	}
	return n
}
