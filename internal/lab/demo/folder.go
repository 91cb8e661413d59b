package demo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/postroad/postroad/examples"
)

const (
	besideSources = "examples/demo.hcl"
	marker        = ".postroad-demo"
)

// configuration gives the file to start from: the one that was named, that of the
// sources, or the one in the binary, written to a temporary folder.
func configuration(path string) (string, error) {
	if path != "" {
		return path, nil
	}
	if _, err := os.Stat(besideSources); err == nil {
		return besideSources, nil
	}
	dir, err := os.MkdirTemp("", "postroad-examples-")
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "demo.hcl"), os.CopyFS(dir, examples.Demo)
}

// freshFolder empties a data folder of an earlier demo, or makes a new one. A
// folder that no demo made is not touched: somebody's mail may be in it. The
// folder is made anew even when it is there, so that its owner is who runs the
// demo.
func freshFolder(dir string) error {
	info, err := os.Lstat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case !info.IsDir() || !exists(filepath.Join(dir, marker)):
		return fmt.Errorf("demo: %s is there and no demo made it; remove it or change `data`", dir)
	default:
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, marker), nil, 0o600)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
