package server

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/postroad/postroad/internal/table/remote"
)

// tableMetrics tells of each table that is a file, and of each that is asked.
type tableMetrics struct{ s *Server }

func tableDesc(name, help string, more ...string) *prometheus.Desc {
	return prometheus.NewDesc("postroad_table_"+name, help, append([]string{"table"}, more...), nil)
}

// Describe gives nothing: which tables there are changes with a reload.
func (tableMetrics) Describe(chan<- *prometheus.Desc) {}

// Collect reads the state of the current generation's tables.
func (m tableMetrics) Collect(out chan<- prometheus.Metric) {
	entries := tableDesc("entries", "Entries of a file, or answers kept of a table that is asked.")
	healthy := tableDesc("healthy", "1 while the file is the content, or the table answers.")
	loaded := tableDesc("loaded_timestamp_seconds", "When the present content was read; 0: never.")
	failures := tableDesc("failures_total", "New contents that were refused, or questions without an answer.")
	g := m.s.current.Load()
	for _, st := range g.tables.Status() {
		gauge(out, entries, float64(st.Entries), st.Name)
		gauge(out, loaded, seconds(st.Loaded), st.Name)
		count(out, failures, int64(st.Failures), st.Name)
		gauge(out, healthy, truth(st.Err == nil), st.Name)
	}
	for _, s := range g.sources {
		st := s.Status()
		gauge(out, entries, float64(st.Cached), st.Name)
		count(out, failures, st.Counts.Failures, st.Name)
		gauge(out, healthy, truth(st.Err == nil), st.Name)
		asked(out, st)
	}
}

// asked tells what only a table that is asked has.
func asked(out chan<- prometheus.Metric, st remote.Status) {
	c := st.Counts
	cached := tableDesc("cached_total", "Answers that were known already.", "answer")
	count(out, cached, c.Hits, st.Name, "found")
	count(out, cached, c.NegativeHits, st.Name, "not_found")
	count(out, tableDesc("asked_total", "Keys asked for."), c.Asked, st.Name)
	count(out, tableDesc("stale_total", "Older answers given while the table could not be asked."), c.Stale, st.Name)
	count(out, tableDesc("refused_total", "Keys not asked for while the table was left alone."), c.Refused, st.Name)
	gauge(out, tableDesc("open", "1 while the table is left alone, after failures in a row."), truth(st.Open), st.Name)
	buckets := make(map[float64]uint64)
	var sum uint64
	for i, bound := range remote.LatencyBounds() {
		sum += uint64(c.Latency.Buckets[i])
		buckets[bound.Seconds()] = sum
	}
	out <- prometheus.MustNewConstHistogram(tableDesc("ask_seconds", "How long an exchange took, the wait for a connection included."),
		uint64(c.Latency.Count), c.Latency.Sum.Seconds(), buckets, st.Name)
}

func count(out chan<- prometheus.Metric, d *prometheus.Desc, v int64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
}
