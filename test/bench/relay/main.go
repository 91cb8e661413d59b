package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

// load is what one run sends.
type load struct {
	sessions int
	messages int
	bytes    int
	reuse    bool // one connection a session, or one a message
}

// figures of one run.
type figures struct {
	accepted  float64 // messages a second, until the last 250
	delivered float64 // messages a second, until the last arrival
	cpu       time.Duration
	sent      int
	unique    int
	duplicate int
}

func main() {
	var (
		program  = flag.String("postroad", "bin/postroad", "the program to measure")
		sessions = flag.Int("sessions", 20, "sessions at once")
		messages = flag.Int("messages", 3000, "messages a run")
		size     = flag.Int("bytes", 10240, "octets a message")
		rounds   = flag.Int("rounds", 3, "runs of each server and mode")
		only     = flag.String("only", "", "measure this server alone")
	)
	flag.Parse()
	if err := run(*program, *only, *rounds, load{*sessions, *messages, *size, false}); err != nil {
		fmt.Fprintln(os.Stderr, "relay:", err)
		os.Exit(1)
	}
}

// run measures every server in every mode, interleaved, and prints the table.
func run(program, only string, rounds int, l load) error {
	results := map[string][]figures{}
	for range rounds {
		for _, reuse := range []bool{true, false} {
			l.reuse = reuse
			for _, s := range servers(program) {
				if only != "" && s.name != only {
					continue
				}
				f, err := measure(s, l)
				if err != nil {
					return fmt.Errorf("%s: %w", s.name, err)
				}
				key := s.name + "/" + mode(reuse)
				results[key] = append(results[key], f)
				fmt.Fprintf(os.Stderr, "%-16s accepted %7.0f/s delivered %7.0f/s cpu %.3f ms\n", key, f.accepted, f.delivered, perMessage(f))
			}
		}
	}
	printTable(results, l)
	return nil
}

func mode(reuse bool) string {
	if reuse {
		return "reuse"
	}
	return "new"
}

// measure runs one server under one load, with a sink and a folder of its own.
func measure(s server, l load) (figures, error) {
	sk, err := newSink("127.0.0.1:0")
	if err != nil {
		return figures{}, err
	}
	defer sk.close()
	dir, err := os.MkdirTemp("", "relay-bench-")
	if err != nil {
		return figures{}, err
	}
	defer os.RemoveAll(dir)
	p, err := s.start(dir, sk.addr())
	if err != nil {
		return figures{}, err
	}
	defer p.stop()
	if err := waitGreeting(p.addr, 20*time.Second); err != nil {
		return figures{}, err
	}
	return drive(p, sk, l)
}

func drive(p *process, sk *sink, l load) (figures, error) {
	cpu0 := p.cpu()
	begin := time.Now()
	if err := send(p.addr, l); err != nil {
		return figures{}, err
	}
	acked := time.Since(begin)
	last, err := sk.wait(l.messages, 90*time.Second)
	if err != nil {
		return figures{}, err
	}
	unique, duplicate := sk.counts()
	return figures{
		accepted:  float64(l.messages) / acked.Seconds(),
		delivered: float64(l.messages) / max(last.Sub(begin), acked).Seconds(),
		cpu:       p.cpu() - cpu0,
		sent:      l.messages,
		unique:    unique,
		duplicate: duplicate,
	}, nil
}
