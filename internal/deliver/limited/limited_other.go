//go:build !linux

package limited

// Main does nothing: programs are run on Linux only.
func Main([]string) {}
