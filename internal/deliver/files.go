package deliver

import (
	"io"
	"os"
)

// fileSystem is what maildir needs of one, so that a test can let any call of
// it fail. Paths are absolute; all errors wait and never fail a recipient.
type fileSystem interface {
	// MakeAll makes a folder with its parents, each durable in its own parent.
	MakeAll(dir string) error
	// IsDir tells whether there is a folder of that name, not followed through links.
	IsDir(path string) (bool, error)
	// Create makes a file that must not exist.
	Create(path string) (file, error)
	// Link gives a file a second name, which must not exist.
	Link(from, to string) error
	Remove(path string) error
	// SyncDir makes the entries of a folder durable.
	SyncDir(dir string) error
}

type file interface {
	io.WriteCloser
	Sync() error
}

// osFiles is the real one.
type osFiles struct{}

func (f osFiles) MakeAll(dir string) error {
	err := os.Mkdir(dir, 0o700)
	switch {
	case err == nil:
		return f.SyncDir(parent(dir))
	case os.IsExist(err):
		return nil
	case !os.IsNotExist(err):
		return err
	}
	if err := f.MakeAll(parent(dir)); err != nil {
		return err
	}
	return f.MakeAll(dir)
}

func (osFiles) IsDir(path string) (bool, error) {
	info, err := os.Lstat(path)
	if os.IsNotExist(err) {
		return false, nil
	}
	return err == nil && info.IsDir(), err
}

func (osFiles) Create(path string) (file, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

func (osFiles) Link(from, to string) error { return os.Link(from, to) }
func (osFiles) Remove(path string) error   { return os.Remove(path) }

func (osFiles) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	return err
}
