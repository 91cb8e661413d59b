package server

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/postroad/postroad/internal/spool"
)

// metrics is a registry of its own, so that several servers of one process keep
// their numbers apart.
func (s *Server) metrics() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	r.MustRegister(s.counters()...)
	r.MustRegister(s.gauges()...)
	r.MustRegister(tableMetrics{s}, migrationMetrics{s}, queueMetrics{s}, pauseMetrics{s})
	return r
}

// counter is a number of a room that only grows.
type counter struct {
	name, help string
	value      *atomic.Int64
}

func (s *Server) counters() []prometheus.Collector {
	in, out := s.receiver.Counters(), s.deliverer.Counters()
	return counterFuncs([]counter{
		{"receive_connections_total", "Connections accepted.", &in.Connections},
		{"receive_turned_away_total", "Connections refused before a session.", &in.TurnedAway},
		{"receive_transactions_total", "MAIL commands accepted.", &in.Transactions},
		{"receive_messages_total", "Messages accepted and durable.", &in.Messages},
		{"receive_recipients_total", "Recipients of accepted messages.", &in.Recipients},
		{"receive_bytes_total", "Octets of accepted messages.", &in.Bytes},
		{"receive_refused_temporary_total", "4xx replies to MAIL, RCPT and data.", &in.RefusedTemp},
		{"receive_refused_permanent_total", "5xx replies to MAIL, RCPT and data.", &in.RefusedPerm},
		{"receive_auth_succeeded_total", "Logins.", &in.AuthSucceeded},
		{"receive_auth_failed_total", "Failed logins.", &in.AuthFailed},
		{"receive_auth_throttled_total", "Logins that were not looked at, after too many failures.", &in.AuthThrottled},
		{"receive_handshake_failed_total", "Failed TLS handshakes of clients.", &in.HandshakeFails},
		{"receive_timeouts_total", "Sessions ended by a timeout.", &in.Timeouts},
		{"receive_panics_total", "Sessions ended by a defect.", &in.Panics},
		{"deliver_attempts_total", "Attempts.", &out.Attempts},
		{"deliver_delivered_total", "Recipients delivered.", &out.Delivered},
		{"deliver_deferred_total", "Recipients deferred, once for each attempt.", &out.Deferred},
		{"deliver_failed_total", "Recipients failed.", &out.Failed},
		{"deliver_moved_total", "Recipients gone on to the other side of a migration.", &out.Moved},
		{"deliver_connects_total", "Connections opened.", &out.Connects},
		{"deliver_connect_errors_total", "Connections that could not be opened.", &out.ConnectErrors},
		{"deliver_reused_total", "Transactions over a kept connection.", &out.Reused},
		{"deliver_handshakes_total", "TLS handshakes.", &out.Handshakes},
		{"deliver_tls_fallbacks_total", "Offered TLS that failed, so that mail went in the clear.", &out.TLSFallbacks},
		{"deliver_panics_total", "Attempts ended by a defect.", &out.Panics},
		{"reload_total", "Configurations taken over.", &s.reloads.done},
		{"reload_failed_total", "Configurations refused.", &s.reloads.failed},
	})
}

func counterFuncs(all []counter) []prometheus.Collector {
	var out []prometheus.Collector
	for _, c := range all {
		out = append(out, prometheus.NewCounterFunc(
			prometheus.CounterOpts{Namespace: "postroad", Name: c.name, Help: c.help},
			func() float64 { return float64(c.value.Load()) }))
	}
	return out
}

func (s *Server) gauges() []prometheus.Collector {
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "postroad", Name: name, Help: help}, value)
	}
	return []prometheus.Collector{
		gauge("receive_sessions", "Sessions open.", func() float64 { return float64(s.receiver.Counters().Sessions.Load()) }),
		gauge("queue_active", "Attempts on their way.", func() float64 { return float64(s.runner.Stats().Active) }),
		gauge("spool_free_bytes", "Free on the spool's disk.", func() float64 { return float64(s.store.Health().FreeBytes) }),
		gauge("spool_damaged", "Records quarantined since the start.", func() float64 { return float64(s.store.Health().Damaged) }),
		gauge("spool_healthy", "1 while mail can be kept.", func() float64 {
			if s.Health() != nil {
				return 0
			}
			return 1
		}),
	}
}

// queueMetrics counts what waits.
type queueMetrics struct{ s *Server }

// Describe gives nothing, as an answer may fail.
func (queueMetrics) Describe(chan<- *prometheus.Desc) {}

// Collect counts by transport, and gives nothing when the store cannot say.
func (m queueMetrics) Collect(out chan<- prometheus.Metric) {
	ways, err := m.s.store.Count(context.Background(), spool.GroupTransport)
	if err != nil {
		return
	}
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("postroad_queue_"+name, help, []string{"transport"}, nil)
	}
	jobs, recipients, held := desc("jobs", "Messages by way."), desc("recipients", "Recipients waiting."), desc("held", "Jobs on hold.")
	sum := make(map[string]spool.Counts)
	for lane, c := range ways {
		t := sum[lane.Transport]
		t.Jobs, t.Recipients, t.Held = t.Jobs+c.Jobs, t.Recipients+c.Recipients, t.Held+c.Held
		sum[lane.Transport] = t
	}
	for transport, c := range sum {
		gauge(out, jobs, float64(c.Jobs), transport)
		gauge(out, recipients, float64(c.Recipients), transport)
		gauge(out, held, float64(c.Held), transport)
	}
}

func gauge(out chan<- prometheus.Metric, d *prometheus.Desc, v float64, label string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, label)
}

func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixNano()) / float64(time.Second)
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
