package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/postroad/postroad/internal/server/control"
)

// queueSummary tells what is in the queue, for whom, how old and why.
type queueSummary struct {
	configured
	selection
	By    string `default:"transport" enum:"domain,transport,nexthop,sender,tenant,reason" help:"${enum}."`
	Limit int    `default:"20" help:"Groups that are told one by one; 0: the totals only, at once."`
	JSON  bool   `name:"json" help:"One JSON object."`
}

// Run sums up; without a selection, everything.
func (q queueSummary) Run(w *world) error {
	sel, err := q.orAll()
	if err != nil {
		return err
	}
	client, err := q.client(w)
	if err != nil {
		return err
	}
	s, err := client.Summary(w.ctx, control.SummaryOrder{Selection: sel, By: q.By, Limit: q.Limit})
	if err != nil {
		return err
	}
	if q.JSON {
		return json.NewEncoder(w.stdout).Encode(s)
	}
	return tellSummary(w.stdout, &s)
}

func tellSummary(w io.Writer, s *control.Summary) error {
	t := &s.Total
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s, %s, %s on hold", number(t.Messages, "message"), number(t.Recipients, "recipient"), octets(t.Bytes), jobs(int(t.Held)))
	if t.Due != nil {
		fmt.Fprintf(&b, ", %s due", jobs(int(*t.Due)))
	}
	if t.Messages > 0 {
		fmt.Fprintf(&b, "; the oldest came %s, %s ago", t.Oldest.Format(time.RFC3339), elapsed(s.At.Sub(t.Oldest)))
	}
	b.WriteByte('\n')
	for _, p := range s.Paused {
		fmt.Fprintf(&b, "paused: %s, since %s by %s: %s\n", way(p.Transport, p.Nexthop), p.Since.Format(time.RFC3339), p.By, orDash(p.Reason))
	}
	if len(s.Groups) > 0 {
		b.WriteByte('\n')
		writeColumns(&b, summaryRows(s))
	}
	if s.Missing > 0 {
		fmt.Fprintf(&b, "\nMore groups than fit into memory: each may have up to %d recipients more than is said.\n", s.Missing)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// summaryRows is the table of the groups. The ages are in minutes, and count recipients.
func summaryRows(s *control.Summary) [][]string {
	head := []string{s.By, "messages", "recipients", "octets", "held", "due", "oldest"}
	for _, m := range s.AgeMinutes {
		head = append(head, "<"+strconv.Itoa(m)+"m")
	}
	rows := [][]string{append(head, "older", "")}
	for i := range s.Groups {
		g := &s.Groups[i]
		name := orDash(g.Name)
		if g.Transport != "" {
			name = g.Transport + " " + name
		}
		rows = append(rows, append(summaryRow(name, s.At, &g.Sum), g.Example))
	}
	if s.RestGroups > 0 {
		rows = append(rows, append(summaryRow(fmt.Sprintf("and %d more", s.RestGroups), s.At, &s.Rest), ""))
	}
	return rows
}

func summaryRow(name string, at time.Time, g *control.Sum) []string {
	count := func(n int64) string { return strconv.FormatInt(n, 10) }
	row := []string{name, count(g.Messages), count(g.Recipients), octets(g.Bytes), count(g.Held), count(*g.Due), elapsed(at.Sub(g.Oldest))}
	for _, n := range g.Ages {
		row = append(row, count(n))
	}
	return row
}

// writeColumns sets the first column and the last to the left and those between to
// the right.
func writeColumns(b *strings.Builder, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			switch i {
			case 0:
				line.WriteString(cell + pad)
			case len(row) - 1:
				line.WriteString("  " + cell)
			default:
				line.WriteString("  " + pad + cell)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

func number(n int64, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return strconv.FormatInt(n, 10) + " " + of + "s"
}

// octets is a size in few letters.
func octets(n int64) string {
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	f, unit := float64(n), 0
	for f >= 999.95 && unit < len(" kMGTP")-1 {
		f /= 1000
		unit++
	}
	return fmt.Sprintf("%.1f %cB", f, " kMGTP"[unit])
}

// elapsed is a duration in its two largest units.
func elapsed(d time.Duration) string {
	switch d = max(d, 0); {
	case d >= 24*time.Hour:
		return fmt.Sprintf("%dd%dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}
