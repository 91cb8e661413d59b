package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"

	"github.com/postroad/postroad/internal/spool"
)

// socketsVariable of the environment names the sockets that a server hands to
// its successor: "FD=ADDRESS", separated by blanks, with the addresses as the
// configuration writes them.
const socketsVariable = "POSTROAD_SOCKETS"

// Inherited are listening sockets that this process was given: by the server
// that it follows, or by systemd. It belongs to the start of one process.
type Inherited struct {
	sockets map[string]net.Listener // by address
	listen  listenFunc
}

// Inherit takes the sockets that the environment names, out of it, so that no
// child takes them too.
func Inherit() (*Inherited, error) {
	in := &Inherited{sockets: map[string]net.Listener{}, listen: net.Listen}
	given, err := activation.Listeners()
	if err != nil {
		return nil, fmt.Errorf("sockets of systemd: %w", err)
	}
	for _, ln := range given {
		if ln != nil { // nil: no stream socket
			in.sockets[ln.Addr().String()] = ln
		}
	}
	text := os.Getenv(socketsVariable)
	os.Unsetenv(socketsVariable)
	for _, word := range strings.Fields(text) {
		if err := in.take(word); err != nil {
			in.Close()
			return nil, fmt.Errorf("%s: %q: %w", socketsVariable, word, err)
		}
	}
	return in, nil
}

// take takes one socket of our predecessor.
func (in *Inherited) take(word string) error {
	fd, address, found := strings.Cut(word, "=")
	n, err := strconv.ParseUint(fd, 10, 16)
	if !found || err != nil {
		return errors.New("not FD=ADDRESS")
	}
	f := os.NewFile(uintptr(n), address)
	defer f.Close()
	ln, err := net.FileListener(f)
	if err != nil {
		return err
	}
	in.sockets[address] = ln
	return nil
}

// Listen gives the socket of an address, once, or opens one. It is an
// Options.Listen.
func (in *Inherited) Listen(network, address string) (net.Listener, error) {
	ln := in.sockets[address]
	if ln == nil {
		return in.listen(network, address)
	}
	delete(in.sockets, address)
	return ln, nil
}

// Close closes the sockets that nobody asked for, and gives their addresses.
func (in *Inherited) Close() []string {
	var out []string
	for address, ln := range in.sockets {
		ln.Close()
		out = append(out, address)
	}
	clear(in.sockets)
	slices.Sort(out)
	return out
}

// Legacy is what a server leaves to its successor in the same process: the
// sockets on which mail comes in, which go on listening meanwhile.
type Legacy struct {
	files map[string]*os.File // by the address that the configuration writes
}

// Legacy doubles the sockets, before a Stop that closes the server's own. It fails
// where no successor could serve: its spool must open.
func (s *Server) Legacy() (*Legacy, error) {
	if err := spool.Distrusted(filepath.Join(s.data, "spool")); err != nil {
		return nil, fmt.Errorf("the spool would not open again before a repair: %w", err)
	}
	files, err := s.doors.files()
	if err != nil {
		return nil, fmt.Errorf("sockets for the successor: %w", err)
	}
	return &Legacy{files}, nil
}

// Close gives the sockets up.
func (l *Legacy) Close() {
	for _, f := range l.files {
		f.Close()
	}
}

// Environment lets the sockets survive an exec, and gives what the program that
// is then run must find in its environment.
func (l *Legacy) Environment() (string, error) {
	var words []string
	for address, f := range l.files {
		fd := f.Fd()
		if _, err := unix.FcntlInt(fd, unix.F_SETFD, 0); err != nil {
			return "", fmt.Errorf("socket of %s: %w", address, err)
		}
		words = append(words, fmt.Sprintf("%d=%s", fd, address))
	}
	slices.Sort(words)
	return socketsVariable + "=" + strings.Join(words, " "), nil
}
