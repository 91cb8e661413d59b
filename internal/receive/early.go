//go:build unix

package receive

import "syscall"

// talksFirst tells whether the client sent something before the greeting, as
// only software does that does not speak SMTP or does not listen to it. It looks
// without waiting, and only at a socket: a connection in memory has none.
func (s *session) talksFirst() bool {
	if s.tls != nil {
		return s.in.Buffered() > 0
	}
	sock, ok := s.wire.Conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sock.SyscallConn()
	if err != nil {
		return false
	}
	var octet [1]byte
	n := 0
	err = raw.Read(func(fd uintptr) bool {
		n, _, _ = syscall.Recvfrom(int(fd), octet[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		return true
	})
	return err == nil && n > 0
}
