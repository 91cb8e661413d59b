package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
)

// result holds the runs of all servers under one load.
type result struct {
	load load
	runs map[string][]figures
}

func median(runs []figures, of func(figures) float64) float64 {
	var v []float64
	for _, r := range runs {
		v = append(v, of(r))
	}
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	return v[len(v)/2]
}

func delivered(f figures) float64 { return f.delivered }

// writeTable writes medians: postroad, then Postfix, then the ratio.
func writeTable(w io.Writer, results []result) {
	fmt.Fprintln(w, "| load | delivered /s | Postfix | ratio | CPU ms/message | Postfix | KB written/message | Postfix | unique and unaltered = sent | twice |")
	fmt.Fprintln(w, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- | ---: |")
	for _, r := range results {
		ours, theirs := r.runs["postroad"], r.runs["postfix"]
		ratio := "-"
		if base := median(theirs, delivered); base > 0 {
			ratio = fmt.Sprintf("%.1f", median(ours, delivered)/base)
		}
		complete, twice := true, 0
		for _, f := range ours {
			complete = complete && f.complete()
			twice += f.duplicate
		}
		fmt.Fprintf(w, "| %s | %.0f | %.0f | **%s** | %.2f | %.2f | %.1f | %.1f | %v | %d |\n", r.load,
			median(ours, delivered), median(theirs, delivered), ratio,
			median(ours, figures.perMessage), median(theirs, figures.perMessage),
			median(ours, figures.kilobytes), median(theirs, figures.kilobytes), complete, twice)
	}
	writeWaits(w, results)
}

// writeWaits writes how long one message takes when nothing else is under way.
func writeWaits(w io.Writer, results []result) {
	fmt.Fprintln(w, "\nFrom the first command to the arrival, one message at a time, p50 and p99 in milliseconds:")
	fmt.Fprintln(w, "\n| load | p50 | Postfix | p99 | Postfix |\n| --- | ---: | ---: | ---: | ---: |")
	for _, r := range results {
		if r.load.sessions != 1 {
			continue
		}
		at := func(name string, q float64) float64 {
			return median(r.runs[name], func(f figures) float64 { return f.wait(q) })
		}
		fmt.Fprintf(w, "| %s | %.2f | %.2f | %.2f | %.2f |\n", r.load,
			at("postroad", 0.5), at("postfix", 0.5), at("postroad", 0.99), at("postfix", 0.99))
	}
}

// insert puts a table into the document between the marks of its name.
func (o options) insert(name string, table func(io.Writer)) error {
	if o.file == "" {
		return nil
	}
	text, err := os.ReadFile(o.file)
	if err != nil {
		return err
	}
	begins := []byte("<!-- " + name + ": begin, written by make bench -->\n")
	ends := []byte("<!-- " + name + ": end -->\n")
	before, rest, found := bytes.Cut(text, begins)
	_, after, ended := bytes.Cut(rest, ends)
	if !found || !ended {
		return fmt.Errorf("%s has no place for the table %s", o.file, name)
	}
	var out bytes.Buffer
	out.Write(before)
	out.Write(begins)
	out.WriteByte('\n')
	table(&out)
	out.WriteByte('\n')
	out.Write(ends)
	out.Write(after)
	return os.WriteFile(o.file, out.Bytes(), 0o644)
}
