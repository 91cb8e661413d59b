package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// options of the command line.
type options struct {
	program string
	only    string
	rounds  int
	file    string
}

func main() {
	var (
		o   options
		one load
	)
	flag.StringVar(&o.program, "postroad", "bin/postroad", "the program to measure")
	flag.StringVar(&o.only, "only", "", "measure this server alone")
	flag.IntVar(&o.rounds, "rounds", 3, "runs of each server under each load")
	flag.StringVar(&o.file, "write", "", "put the tables into this document, between its marks")
	flag.IntVar(&one.messages, "messages", 0, "messages of one load; without it the whole matrix is measured")
	flag.IntVar(&one.sessions, "sessions", 20, "sessions at once")
	flag.IntVar(&one.bytes, "bytes", 10240, "octets a message")
	flag.BoolVar(&one.reuse, "reuse", true, "one connection a session, not one a message")
	flag.BoolVar(&one.pipeline, "pipeline", false, "the source pipelines")
	flag.BoolVar(&one.tls, "tls", false, "TLS on both sides")
	flag.BoolVar(&one.tools, "tools", false, "smtp-source and smtp-sink at the ends")
	measure := flag.String("measure", "relay", "relay, growth, backlog, fairness or operations")
	sizes := flag.String("queued", "1000,10000,100000,1000000", "sizes of the queue, for growth; operations and backlog take the last")
	flag.Parse()
	if err := measureNamed(*measure, o, one, *sizes); err != nil {
		fmt.Fprintln(os.Stderr, "relay:", err)
		os.Exit(1)
	}
}

func measureNamed(name string, o options, one load, sizes string) error {
	switch name {
	case "relay":
		if one.messages > 0 {
			return run(o, []load{one})
		}
		return run(o, matrix())
	case "growth", "operations", "backlog":
		var numbers []int
		for _, s := range strings.Split(sizes, ",") {
			n, err := strconv.Atoi(s)
			if err != nil {
				return err
			}
			numbers = append(numbers, n)
		}
		last := numbers[len(numbers)-1]
		switch name {
		case "operations":
			return operations(o, last)
		case "backlog":
			return backlog(o, last)
		}
		return growth(o, numbers)
	case "fairness":
		return fairness(o)
	}
	return fmt.Errorf("nothing named %q can be measured", name)
}

// run measures every server under every load, interleaved, and gives the tables.
func run(o options, loads []load) error {
	results := make([]result, len(loads))
	for round := range o.rounds {
		for i, l := range loads {
			if round == 0 {
				results[i] = result{load: l, runs: map[string][]figures{}}
			}
			if err := runServers(o, results[i]); err != nil {
				return fmt.Errorf("%s: %w", l, err)
			}
		}
	}
	writeTable(os.Stdout, results)
	return o.insert("relay", func(w io.Writer) { writeTable(w, results) })
}

// runServers measures each server once under one load.
func runServers(o options, r result) error {
	for _, s := range servers(o.program) {
		if o.only != "" && !strings.EqualFold(s.name, o.only) {
			continue
		}
		f, err := measure(s, r.load)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		r.runs[s.name] = append(r.runs[s.name], f)
		fmt.Fprintf(os.Stderr, "%-8s %-40s accepted %6.0f/s delivered %6.0f/s cpu %.3f ms, %.1f KB written, p50 %.2f p99 %.2f ms\n",
			s.name, r.load, f.accepted, f.delivered, f.perMessage(), f.kilobytes(), f.wait(0.5), f.wait(0.99))
	}
	return nil
}
