package main

import (
	"os"
	"time"
)

// arrivals waits for messages at the end of the way.
type arrivals interface {
	wait(n int, limit time.Duration) (time.Time, error)
}

// measure runs one server under one load, with a sink and a folder of its own.
func measure(s server, l load) (figures, error) {
	dir, err := os.MkdirTemp("", "relay-bench-")
	if err != nil {
		return figures{}, err
	}
	defer os.RemoveAll(dir)
	certificate, secure, err := makeCertificate(dir)
	if err != nil {
		return figures{}, err
	}
	e := environment{dir: dir, tls: l.tls, certificate: certificate}
	if l.tools {
		return measureTools(s, l, e)
	}
	sk, err := newSink(l, secure)
	if err != nil {
		return figures{}, err
	}
	defer sk.close()
	e.sink = sk.addr()
	src := newSource("", l)
	f, err := drive(s, l, e, sk, func(addr string) error {
		src.addr = addr
		return src.run()
	})
	if err == nil {
		sk.count(&f, src.begun)
	}
	return f, err
}

// measureTools is measure with Postfix's tools at both ends. They count only.
func measureTools(s server, l load, e environment) (figures, error) {
	sk, err := newSMTPSink()
	if err != nil {
		return figures{}, err
	}
	defer sk.close()
	e.sink = sk.addr
	f, err := drive(s, l, e, sk, func(addr string) error { return smtpSource(addr, l) })
	f.unique = f.sent
	return f, err
}

// drive starts the server, sends, and waits until all has arrived.
func drive(s server, l load, e environment, sk arrivals, send func(addr string) error) (out figures, err error) {
	p, err := s.start(e)
	if err != nil {
		return figures{}, err
	}
	defer p.end(&err)
	if err := waitGreeting(p.addr, 20*time.Second); err != nil {
		return figures{}, err
	}
	cpu, written := p.cpu(), p.written()
	begin := time.Now()
	if err := send(p.addr); err != nil {
		return figures{}, err
	}
	acked := time.Since(begin)
	last, err := sk.wait(l.messages, 90*time.Second)
	if err != nil {
		return figures{}, err
	}
	settle(p)
	return figures{
		accepted:  float64(l.messages) / acked.Seconds(),
		delivered: float64(l.messages) / max(last.Sub(begin), acked).Seconds(),
		cpu:       p.cpu() - cpu,
		written:   p.written() - written,
		sent:      l.messages,
	}, nil
}

// settle waits until the server rests: the last messages are deleted after they
// have arrived, and that is a part of its work.
func settle(p *process) {
	for range 50 {
		before := p.cpu()
		time.Sleep(100 * time.Millisecond)
		if p.cpu()-before <= 10*time.Millisecond {
			return
		}
	}
}
