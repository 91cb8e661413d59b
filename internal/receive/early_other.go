//go:build !unix

package receive

// talksFirst cannot look without waiting here.
func (s *session) talksFirst() bool { return false }
