package main

import (
	"fmt"
	"slices"
)

// perMessage is milliseconds of CPU.
func perMessage(f figures) float64 { return f.cpu.Seconds() * 1000 / float64(f.sent) }

func median(runs []figures, of func(figures) float64) float64 {
	var v []float64
	for _, r := range runs {
		v = append(v, of(r))
	}
	slices.Sort(v)
	return v[len(v)/2]
}

// printTable writes medians a server and mode, and each as a ratio to Postfix in
// the same mode.
func printTable(results map[string][]figures, l load) {
	fmt.Printf("%d messages of %d octets, %d sessions, medians\n\n", l.messages, l.bytes, l.sessions)
	fmt.Println("| server/connections | accepted /s | delivered /s | CPU ms/message | delivered, ratio to Postfix | unique ids = sent | duplicates |")
	fmt.Println("| --- | ---: | ---: | ---: | ---: | --- | ---: |")
	for _, m := range []string{"reuse", "new"} {
		base := results["postfix/"+m]
		for _, name := range []string{"postroad", "postfix"} {
			runs := results[name+"/"+m]
			if len(runs) == 0 {
				continue
			}
			printRow(name+"/"+m, runs, base)
		}
	}
}

func printRow(name string, runs, base []figures) {
	delivered := func(f figures) float64 { return f.delivered }
	ratio := "-"
	if len(base) > 0 {
		ratio = fmt.Sprintf("%.1f", median(runs, delivered)/median(base, delivered))
	}
	complete, duplicates := true, 0
	for _, r := range runs {
		complete = complete && r.unique == r.sent
		duplicates += r.duplicate
	}
	fmt.Printf("| %s | %.0f | %.0f | %.2f | %s | %v | %d |\n", name,
		median(runs, func(f figures) float64 { return f.accepted }), median(runs, delivered),
		median(runs, perMessage), ratio, complete, duplicates)
}
