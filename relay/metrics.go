package relay

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	messages   *prometheus.CounterVec // by leaf
	records    *prometheus.CounterVec // by stream
	points     prometheus.Counter
	duplicates prometheus.Counter
	gaps       prometheus.Counter
	breaks     prometheus.Counter
	letters    *prometheus.CounterVec // by cause
	lost       prometheus.Counter     // dead letters that could not be written
	failures   prometheus.Counter
	lowered    prometheus.Counter
	write      prometheus.Histogram

	all []prometheus.Collector // registered
}

func newMetrics(r prometheus.Registerer, queue func() float64) (*metrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "kapija", Subsystem: "relay", Name: name, Help: help})
	}
	vec := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "kapija", Subsystem: "relay", Name: name, Help: help}, []string{label})
	}
	m := &metrics{
		messages:   vec("messages_total", "MQTT messages taken.", "leaf"),
		records:    vec("records_total", "Records read from audit and telemetry batches.", "stream"),
		points:     counter("points_total", "Points that InfluxDB accepted."),
		duplicates: counter("duplicates_total", "Records that were held already."),
		gaps:       counter("gaps_total", "Gaps in sequence numbers that were given up and named."),
		breaks:     counter("chain_breaks_total", "Events that do not continue the hash chain of their gateway."),
		letters:    vec("dead_letters_total", "Messages and records that became dead letters.", "cause"),
		lost:       counter("dead_letters_unwritten_total", "Dead letters that could not be written to their file."),
		failures:   counter("write_failures_total", "Writes and queries that InfluxDB did not answer or refused for a while."),
		lowered:    counter("acks_lowered_total", "Times that InfluxDB held less than had been acknowledged."),
		write: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "kapija", Subsystem: "relay", Name: "write_seconds", Help: "Duration of accepted writes.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 14),
		}),
	}
	if r == nil {
		return m, nil
	}
	m.all = []prometheus.Collector{m.messages, m.records, m.points, m.duplicates, m.gaps, m.breaks, m.letters, m.lost, m.failures,
		m.lowered, m.write, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "kapija", Subsystem: "relay", Name: "queue", Help: "Messages taken from MQTT and not written yet.",
		}, queue)}
	for i, c := range m.all {
		if err := r.Register(c); err != nil {
			m.all = m.all[:i]
			m.unregister(r)
			return nil, fmt.Errorf("relay: metrics: %w", err)
		}
	}
	return m, nil
}

// unregister lets the same process run a relay again.
func (m *metrics) unregister(r prometheus.Registerer) {
	for _, c := range m.all {
		r.Unregister(c)
	}
}
