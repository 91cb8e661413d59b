package lab

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"time"
)

// data takes a message. The session ends where the client goes away within it.
func (s *session) data() error {
	s.wait("DATA")
	if s.message == nil || len(s.message.Recipients) == 0 {
		s.message = nil
		return s.plain("503 5.5.1 no valid recipients")
	}
	said, err := s.say(Data, "", "354 end with a dot")
	if err != nil || said.code/100 != 3 {
		// RFC 5321 s4.1.1.4: the transaction ends with the refusal.
		s.message = nil
		return err
	}
	if err := s.out.Flush(); err != nil {
		return err
	}
	body, tooBig, err := s.readBody()
	if err != nil {
		s.violatedAtEnd(err)
		return err
	}
	m := s.message
	s.message = nil
	m.Data, m.At = body, time.Now()
	if !s.r.config.LMTP {
		return s.finish(m, tooBig)
	}
	return s.finishEach(m, tooBig)
}

func (s *session) violatedAtEnd(err error) {
	if errors.Is(err, io.EOF) {
		s.violated("connection closed within the data")
	}
}

func usualEnd(tooBig bool) string {
	if tooBig {
		return "552 5.3.4 too big"
	}
	return "250 2.0.0 taken"
}

// finish replies once, and captures before the reply goes out, so that who has
// the reply finds the message.
func (s *session) finish(m *Message, tooBig bool) error {
	said, err := s.say(Body, m.Sender, usualEnd(tooBig))
	if said.code != 0 {
		m.Reply, m.Accepted = said.text, said.positive()
		s.r.add(*m)
	}
	return err
}

// finishEach replies once for each recipient (RFC 2033 s4.2).
func (s *session) finishEach(m *Message, tooBig bool) error {
	var err error
	for i := range m.Recipients {
		to := &m.Recipients[i]
		var said reply
		said, err = s.say(Body, to.Address, usualEnd(tooBig))
		to.Reply = said.text
		m.Accepted = m.Accepted || said.positive()
		if err != nil {
			break
		}
	}
	if m.Reply = m.Recipients[0].Reply; m.Reply != "" {
		s.r.add(*m)
	}
	return err
}

// readBody reads to CR LF . CR LF and takes the stuffed dots off. Nothing else
// ends the data (RFC 5321 s4.1.1.4).
func (s *session) readBody() (body []byte, tooBig bool, err error) {
	var out bytes.Buffer
	check := lineCheck{session: s}
	fresh := true // at the beginning of a line
	for {
		_ = s.conn.SetDeadline(time.Now().Add(idle))
		chunk, err := s.in.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, false, err
		}
		if fresh && bytes.Equal(chunk, []byte(".\r\n")) {
			check.end()
			return out.Bytes(), tooBig, nil
		}
		if fresh && chunk[0] == '.' {
			chunk = chunk[1:]
		}
		fresh = check.add(chunk)
		if int64(out.Len()+len(chunk)) > s.r.config.MaxSize {
			tooBig = true
			continue
		}
		out.Write(chunk)
	}
}

// lineCheck holds the lines of a message against RFC 5321 s2.3.8 and
// s4.5.3.1.6, and RFC 6152, and tells each breach once a message.
type lineCheck struct {
	session *session
	length  int  // of the line so far
	cr      bool // the last octet was CR

	bare, long, eight bool
}

// add looks at a piece of the data and tells whether it ends with CR LF.
func (c *lineCheck) add(piece []byte) bool {
	fresh := false
	for _, b := range piece {
		fresh = b == '\n' && c.cr
		if b == '\n' && !c.cr || b != '\n' && c.cr {
			c.bare = true
		}
		if b >= 0x80 {
			c.eight = true
		}
		if c.length++; fresh {
			c.long = c.long || c.length > 1000
			c.length = 0
		}
		c.cr = b == '\r'
	}
	return fresh
}

func (c *lineCheck) end() {
	s := c.session
	if c.bare {
		s.violated("bare CR or LF in the data")
	}
	if c.long {
		s.violated("data line of more than 998 octets")
	}
	if c.eight && !s.says("BODY=8BITMIME") {
		s.violated("octets above 127 in the data without BODY=8BITMIME")
	}
}
