package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
)

const (
	socketName = "control.sock"
	// maxSocketPath is what sockaddr_un takes on every system that matters.
	maxSocketPath = 100
)

// Listen opens the socket of a data folder. Whoever calls it holds the lock of
// the spool in the same folder, so a socket that is already there is a dead
// server's.
func Listen(data string) (net.Listener, error) {
	if err := os.Remove(filepath.Join(data, socketName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	path, done, err := socketPath(data)
	if err != nil {
		return nil, err
	}
	defer done()
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false) // its path may be gone by then; the next start removes it
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// Remove takes the socket away, so that a client is told at once that nobody
// is there.
func Remove(data string) { os.Remove(filepath.Join(data, socketName)) }

func dial(ctx context.Context, data string) (net.Conn, error) {
	path, done, err := socketPath(data)
	if err != nil {
		return nil, err
	}
	defer done()
	var d net.Dialer
	return d.DialContext(ctx, "unix", path)
}

// socketPath gives a path that fits an address: through the folder's descriptor
// where the plain one is too long. done must be called after its use.
func socketPath(data string) (path string, done func(), err error) {
	path = filepath.Join(data, socketName)
	if len(path) <= maxSocketPath {
		return path, func() {}, nil
	}
	dir, err := os.Open(data)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), socketName), func() { dir.Close() }, nil
}
