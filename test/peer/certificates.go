package peer

import (
	"errors"
	"testing"

	"github.com/postroad/postroad/internal/lab"
)

// Certificates writes the certificate of a new authority, and key and chain of one
// that it gave 127.0.0.1, to dir, and gives the paths.
func Certificates(t *testing.T, dir string) (roots, certificate string) {
	t.Helper()
	ca, err := lab.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	roots, err1 := ca.WriteRoots(dir)
	certificate, err2 := ca.WriteFile(dir, "127.0.0.1")
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return roots, certificate
}
