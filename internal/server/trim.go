//go:build cgo && linux

package server

/*
#include <malloc.h>

#if defined(__GLIBC__)
#if __GLIBC_PREREQ(2, 33)
#define POSTROAD_TRIMS
#endif
#endif

// What is free in malloc's arenas after its whole free pages went back to the
// kernel, which takes a walk along what is free.
static size_t trimmed(size_t last) {
#ifdef POSTROAD_TRIMS
	size_t lying = mallinfo2().fordblks;
	if (lying == last) {
		return last;
	}
	malloc_trim(0);
	return mallinfo2().fordblks;
#else
	return last;
#endif
}
*/
import "C"

// trimmer gives back to the kernel what lies free in C's malloc. The memtables and
// the block cache of pebble stand there: blocks of many sizes come and go on all
// threads, and as each of malloc's arenas keeps what it once had, 16 MB of blocks
// came to hold 120 MB. The zero value is ready.
type trimmer struct{ lying C.size_t } // free after the last time

// trim does nothing when malloc was not used since the last time.
func (t *trimmer) trim() { t.lying = C.trimmed(t.lying) }
