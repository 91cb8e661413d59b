package postfix

import (
	"os"
	"path/filepath"
)

// ConfigName is the file of the configuration in the output folder.
const ConfigName = "postroad.hcl"

// Write writes the configuration and the files beside it into a folder. Secrets
// can be read by their owner only.
func (r *Result) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	files := append([]File{{Name: ConfigName, Content: r.Config}}, r.Files...)
	for _, f := range files {
		if err := f.write(dir); err != nil {
			return err
		}
	}
	return nil
}

func (f File) write(dir string) error {
	path := filepath.Join(dir, f.Name)
	folder, mode := os.FileMode(0o755), os.FileMode(0o644)
	if f.Secret {
		folder, mode = 0o700, 0o600
	}
	if err := os.MkdirAll(filepath.Dir(path), folder); err != nil {
		return err
	}
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	// A file that was there keeps its mode when it is opened.
	if err = out.Chmod(mode); err == nil {
		_, err = out.WriteString(f.Content)
	}
	if closed := out.Close(); err == nil {
		err = closed
	}
	return err
}
