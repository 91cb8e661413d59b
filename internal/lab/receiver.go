package lab

import (
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"sync"
)

// TLSMode of a receiver.
type TLSMode uint8

// Modes.
const (
	TLSNone     TLSMode = iota
	TLSOffer            // STARTTLS
	TLSImplicit         // from the first octet
)

// Config of a receiver.
type Config struct {
	Name      string            // in the greeting, and of the certificate; "mx.lab" when empty
	Addr      string            // "127.0.0.1:0"
	LMTP      bool              // speaks LMTP instead of SMTP
	TLS       TLSMode           // with a certificate of the lab's CA, or
	TLSConfig *tls.Config       // with this
	Logins    map[string]string // name to password: AUTH is offered, and wanted before MAIL
	Without   []string          // extensions not to offer, "PIPELINING"
	MaxSize   int64             // 64 MB when 0
}

// Line is one line of a session, for tests of the dialog itself.
type Line struct {
	Connection int
	Client     bool // said by the client; data is not logged
	Text       string
}

// Receiver is an SMTP or LMTP server. All methods may be called at any time.
type Receiver struct {
	*Capture
	Name string
	Addr string // "127.0.1.2:2625"
	Host string // "127.0.1.2"

	config   Config
	listener net.Listener
	done     sync.WaitGroup
	closed   chan struct{}
	once     sync.Once

	mu         sync.Mutex // guards what follows
	rules      []*Rule
	cuts       []*Cut
	conns      map[net.Conn]struct{}
	count      int
	log        []Line
	violations []string
}

// Listen starts a receiver outside a lab. The caller closes it.
func Listen(c Config) (*Receiver, error) { return listen(c, nil) }

func listen(c Config, parent *Capture) (*Receiver, error) {
	if c.Name == "" {
		c.Name = "mx.lab"
	}
	if c.Addr == "" {
		c.Addr = "127.0.0.1:0"
	}
	if c.MaxSize == 0 {
		c.MaxSize = 64 << 20
	}
	if c.TLS != TLSNone && c.TLSConfig == nil {
		return nil, fmt.Errorf("lab: receiver %s has TLS but no certificate", c.Name)
	}
	l, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return nil, err
	}
	r := &Receiver{
		Capture: newCapture(parent), Name: c.Name, Addr: l.Addr().String(), Host: hostOf(l.Addr().String()),
		config: c, listener: l, closed: make(chan struct{}), conns: map[net.Conn]struct{}{},
	}
	r.done.Go(r.accept)
	return r, nil
}

func (r *Receiver) accept() {
	for {
		nc, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.mu.Lock()
		r.count++
		number, cut := r.count, r.cut()
		r.conns[nc] = struct{}{}
		r.mu.Unlock()
		r.done.Go(func() {
			s := newSession(r, &cutConn{Conn: nc, cut: cut, closed: r.closed}, number)
			s.serve()
			_ = nc.Close()
			r.mu.Lock()
			delete(r.conns, nc)
			r.mu.Unlock()
		})
	}
}

// Close ends the receiver and its sessions; connections are refused from then on.
func (r *Receiver) Close() error {
	var err error
	r.once.Do(func() {
		close(r.closed)
		err = r.listener.Close()
		r.mu.Lock()
		for nc := range r.conns {
			_ = nc.Close()
		}
		r.mu.Unlock()
		r.done.Wait()
	})
	return err
}

// Connections counts the connections so far.
func (r *Receiver) Connections() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count
}

// Log gives the dialogs so far, without data.
func (r *Receiver) Log() []Line {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.log)
}

// Violations lists what clients did against the protocol.
func (r *Receiver) Violations() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.violations)
}

func (r *Receiver) note(l Line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log = append(r.log, l)
}

func (r *Receiver) violated(connection int, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.violations = append(r.violations, fmt.Sprintf("connection %d: ", connection)+fmt.Sprintf(format, args...))
}

// offers tells whether the receiver offers an extension at all.
func (r *Receiver) offers(extension string) bool {
	return !slices.Contains(r.config.Without, extension)
}
