// Package scale measures what a hoster of a hundred thousand domains meets: the
// time and memory that it takes to load them, a decision among them, and the
// reload when one tenant changes. `make scale` runs it; otherwise it runs with a
// hundredth of everything and holds only what does not hang on the machine.
package scale
