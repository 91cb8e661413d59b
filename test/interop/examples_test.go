package interop

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/postroad/postroad/test/peer"
)

// The examples pass `postroad check` as they stand, with the certificates that
// their script makes.
func TestExamplesAreSound(t *testing.T) {
	peer.Need(t, "openssl")
	dir := peer.Dir(t)
	if err := os.CopyFS(dir, os.DirFS("../../examples")); err != nil {
		t.Fatal(err)
	}
	peer.Run(t, "sh", filepath.Join(dir, "certificates.sh"))
	files, err := filepath.Glob(filepath.Join(dir, "*.hcl"))
	if err != nil || len(files) < 5 {
		t.Fatalf("examples: %v %v", files, err)
	}
	for _, f := range files {
		peer.Run(t, peer.Binary(t), "check", "-c", f)
	}
}
