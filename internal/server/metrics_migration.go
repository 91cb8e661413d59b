package server

import (
	"github.com/prometheus/client_golang/prometheus"
)

// migrationMetrics tells of migrations, and of recipients that were asked about.
type migrationMetrics struct{ s *Server }

// Describe gives nothing: which migrations there are changes with a reload.
func (migrationMetrics) Describe(chan<- *prometheus.Desc) {}

// Collect reads the book and the verifier.
func (m migrationMetrics) Collect(out chan<- prometheus.Metric) {
	count := func(name, help string, v int64) {
		out <- prometheus.MustNewConstMetric(prometheus.NewDesc("postroad_"+name, help, nil, nil), prometheus.CounterValue, float64(v))
	}
	books, asks := m.s.book.Counters(), m.s.verifier.Counters()
	count("migration_pauses_total", "Cut-overs that the guard paused.", books.Pauses)
	count("migration_uncounted_total", "Outcomes that came too fast for the numbers of migrations.", books.Lost)
	count("verify_asked_total", "Questions to hosts about a recipient.", asks.Asked.Load())
	count("verify_failed_total", "Of these, those that nobody answered.", asks.Failed.Load())
	count("verify_stale_total", "Answers from before in place of those.", asks.Stale.Load())
	paused := prometheus.NewDesc("postroad_migration_paused", "1 while the cut-over is paused.", []string{"domain"}, nil)
	sides := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("postroad_migration_"+name+"_total", help, []string{"domain", "side"}, nil)
	}
	delivered, unknown := sides("delivered", "Recipients delivered to a side."), sides("unknown", "Recipients whom a side does not know.")
	for _, d := range migrationDomains(m.s.config(), m.s.book) {
		a := m.s.book.Account(d)
		gauge(out, paused, truth(a.Pause != nil), string(d))
		each := func(desc *prometheus.Desc, v int64, side string) {
			out <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(v), string(d), side)
		}
		each(delivered, a.Old.Delivered, "old")
		each(delivered, a.New.Delivered, "new")
		each(unknown, a.Old.Unknown, "old")
		each(unknown, a.New.Unknown, "new")
	}
}
