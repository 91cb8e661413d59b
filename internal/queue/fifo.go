package queue

// fifo is a queue in a slice.
type fifo[T any] struct {
	items []T
	head  int
}

func (f *fifo[T]) len() int { return len(f.items) - f.head }

func (f *fifo[T]) push(v T) {
	if f.head > 32 && f.head > len(f.items)/2 {
		f.items = append(f.items[:0], f.items[f.head:]...)
		clear(f.items[len(f.items):cap(f.items)])
		f.head = 0
	}
	f.items = append(f.items, v)
}

// front gives the oldest; there must be one.
func (f *fifo[T]) front() T { return f.items[f.head] }

// pop takes the oldest; there must be one.
func (f *fifo[T]) pop() T {
	var zero T
	v := f.items[f.head]
	f.items[f.head] = zero
	if f.head++; f.head == len(f.items) {
		f.items, f.head = f.items[:0], 0
	}
	return v
}

// rotate puts the oldest behind the others.
func (f *fifo[T]) rotate() { f.push(f.pop()) }
