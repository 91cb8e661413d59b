package console

import (
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// State is asked at each request, from any goroutine, and must not block.
type State interface {
	// Health is nil while mail can be accepted and kept.
	Health() error
	// Ready is nil from the start of the listeners to the begin of a drain.
	Ready() error
}

// Handler serves /metrics from the gatherer, and /healthz and /readyz from the
// state.
func Handler(g prometheus.Gatherer, s State) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(g, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", answer(s.Health))
	mux.HandleFunc("GET /readyz", answer(s.Ready))
	return mux
}

// answer is 200 "ok", or 503 with the reason.
func answer(ask func() error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		if err := ask(); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintln(w, err)
			return
		}
		fmt.Fprintln(w, "ok")
	}
}
