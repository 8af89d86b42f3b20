package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"kapija/dashboard/live"
	"kapija/demo"
	"kapija/internal/event"
)

// percentile of sorted durations.
func percentile(d []time.Duration, p float64) time.Duration {
	return d[min(len(d)-1, int(p*float64(len(d))))]
}

func report(b *testing.B, d []time.Duration, unit string) {
	slices.Sort(d)
	for name, p := range map[string]float64{"p50": 0.5, "p95": 0.95, "p99": 0.99} {
		b.ReportMetric(float64(percentile(d, p).Microseconds())/1000, name+"-ms-"+unit)
	}
	b.ReportMetric(0, "ns/op") // one round is paced by the wires: its mean says nothing
}

// From a credential's last bit to the decision's output, as the gateway itself measures it for each event, on virtual
// wires, in the whole running system.
func BenchmarkLastBitToLock(b *testing.B) {
	s := startDemo(b, shortDir(b), "--no-people")
	sample := sampleOf(b, s.manifest(), "lozionica", event.Granted)
	began := time.Now()
	const rounds = 200
	for range rounds {
		wire(b, sample.Socket, "wiegand "+sample.Reader+" "+sample.Bits)
	}
	var d []time.Duration
	eventually(b, 20*time.Second, "all decisions in the API", func() (bool, string) {
		var evs []live.Event
		if err := s.get(fmt.Sprintf("/api/v1/events?limit=1000&building=%s&since=%s", sample.Building, began.UTC().Format(time.RFC3339)), &evs); err != nil {
			return false, err.Error()
		}
		d = d[:0]
		for _, e := range evs {
			if e.Kind == event.AccessGranted && e.Badge == sample.Badge && e.At.After(began) {
				d = append(d, time.Duration(e.DecidedUs)*time.Microsecond)
			}
		}
		return len(d) == rounds, fmt.Sprint(len(d))
	})
	report(b, d, "bit-to-lock")
	b.ReportMetric(gatewayRSS(b, s, sample.Building+"-"+sample.Gateway), "MB-gateway-RSS")
}

// From a door contact that opens to the number on a page in a real browser: input, journal, broker, live view, stream.
func BenchmarkDoorToBrowser(b *testing.B) {
	s := startDemo(b, shortDir(b), "--no-people")
	m := s.manifest()
	p := openBrowser(b, m)
	p.logIn()
	sample := sampleOf(b, m, "lozionica", event.Granted)
	i := slices.IndexFunc(m.Gateways, func(g demo.Gateway) bool { return g.Building == "lozionica" && g.Gateway == "gw-annex" })
	socket := m.Gateways[i].Socket
	const rounds = 40 // in and out in turn by the staff entrance, so that the building's number changes each time
	var d []time.Duration
	for round := range rounds {
		reader := []string{"staff-entry", "staff-exit"}[round%2]
		if a := wire(b, socket, "wiegand "+reader+" "+sample.Bits); a != "ok" {
			b.Fatal(a)
		}
		eventually(b, 5*time.Second, "released", func() (bool, string) { return outputs(b, socket)["staff-lock"], reader })
		// The page tells when the number changes, by its own clock, which is this machine's.
		do(p, "watch the number", chromedp.Evaluate[bool](fmt.Sprintf(`window.changed = new Promise(r => {
			new MutationObserver(() => r(Date.now())).observe(document.querySelector(%q), {childList: true, characterData: true, subtree: true})
		}); true`, countOf(sample.Building))))
		began := time.Now()
		wire(b, socket, "level staff-contact 1")
		at := do(p, "see the number change", chromedp.Evaluate[float64](`window.changed`, chromedp.EvalAwaitPromise))
		d = append(d, time.UnixMilli(int64(at)).Sub(began))
		wire(b, socket, "level staff-contact 0")
		eventually(b, 5*time.Second, "relocked", func() (bool, string) { return !outputs(b, socket)["staff-lock"], reader })
	}
	report(b, d, "door-to-browser")
}

func shortDir(b *testing.B) string {
	dir, err := os.MkdirTemp("", "kapija")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func gatewayRSS(b *testing.B, s *system, name string) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.manifest().Processes[name]))
	if err != nil {
		b.Fatal(err)
	}
	for _, line := range strings.Split(string(text), "\n") {
		var kb float64
		if n, _ := fmt.Sscanf(line, "VmRSS: %f kB", &kb); n == 1 {
			return kb / 1000
		}
	}
	b.Fatal("no VmRSS")
	return 0
}
