package interop

import (
	"os/exec"
	"testing"
)

// runFailing runs a program that must not succeed, and gives its output.
func runFailing(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err == nil {
		t.Errorf("%s %v succeeded:\n%s", name, args, out)
	}
	return string(out)
}
