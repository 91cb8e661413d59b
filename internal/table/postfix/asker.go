package postfix

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/postroad/postroad/internal/table"
	"github.com/postroad/postroad/internal/table/dial"
	"github.com/postroad/postroad/internal/table/remote"
)

// maxReply bounds a reply (socketmap_table(5): 100000 octets).
const maxReply = 100_000

var (
	errReply = errors.New("a reply that is none of the protocol")
	errSaid  = errors.New("the service says")
)

// protocol is how a key is asked for, and how the reply is read.
type protocol struct {
	request func(key string) []byte
	reply   func(*bufio.Reader) (string, error) // one reply, without its frame
	answer  func(reply string) table.Answer
}

// asker keeps connections of one protocol.
type asker struct {
	server   dial.Server
	protocol protocol
	idle     chan *session
}

// session is one connection.
type session struct {
	net.Conn
	in *bufio.Reader
}

// NewSocketmap asks for keys in the map of this name.
func NewSocketmap(s dial.Server, name string, connections int) remote.Asker {
	return &asker{server: s, protocol: socketmap(name), idle: make(chan *session, connections)}
}

// NewTCP asks by tcp_table(5).
func NewTCP(s dial.Server, connections int) remote.Asker {
	return &asker{server: s, protocol: lines(), idle: make(chan *session, connections)}
}

// Lookup asks for one key. A kept connection may have been closed by the service
// meanwhile: then it is asked once more, over a new one.
func (a *asker) Lookup(ctx context.Context, key string) table.Answer {
	select {
	case s := <-a.idle:
		if reply, err := a.exchange(ctx, s, key); err == nil || errors.Is(err, errReply) || ctx.Err() != nil {
			return a.result(reply, err)
		}
	default:
	}
	conn, err := a.server.Dial(ctx)
	if err != nil {
		return table.Answer{Cause: err}
	}
	return a.result(a.exchange(ctx, &session{Conn: conn, in: bufio.NewReader(conn)}, key))
}

func (a *asker) result(reply string, err error) table.Answer {
	if err != nil {
		return table.Answer{Cause: err}
	}
	return a.protocol.answer(reply)
}

// exchange asks over a session, and keeps or closes it.
func (a *asker) exchange(ctx context.Context, s *session, key string) (string, error) {
	deadline, _ := ctx.Deadline()
	if err := s.SetDeadline(deadline); err != nil {
		s.Close()
		return "", err
	}
	stop := context.AfterFunc(ctx, func() { s.SetDeadline(time.Unix(1, 0)) })
	reply, err := a.talk(s, key)
	if !stop() || err != nil || s.in.Buffered() > 0 {
		s.Close()
		return reply, err
	}
	select {
	case a.idle <- s:
	default:
		s.Close()
	}
	return reply, nil
}

func (a *asker) talk(s *session, key string) (string, error) {
	if _, err := s.Write(a.protocol.request(key)); err != nil {
		return "", err
	}
	return a.protocol.reply(s.in)
}

// Close closes the connections that are kept.
func (a *asker) Close() error {
	for {
		select {
		case s := <-a.idle:
			s.Close()
		default:
			return nil
		}
	}
}

// found is the answer with a value, or with none.
func found(value string) table.Answer {
	if value == "" {
		return table.Answer{Status: table.Found}
	}
	return table.Answer{Status: table.Found, Values: []string{value}}
}

func said(reply string) error { return fmt.Errorf("%w %.200q", errSaid, reply) }
