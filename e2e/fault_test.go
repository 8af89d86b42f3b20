package e2e

import (
	"errors"
	"fmt"
	"net/url"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"kapija/dashboard/live"
	"kapija/firmware-bridge/sim"
	"kapija/internal/event"
)

// settled waits until no gateway has anything that InfluxDB does not hold.
func (s *system) settled(within time.Duration) {
	s.t.Helper()
	eventually(s.t, within, "all gateways online with empty queues", func() (bool, string) {
		var bs []live.Building
		if err := s.get("/api/v1/buildings", &bs); err != nil {
			return false, err.Error()
		}
		for _, b := range bs {
			for _, g := range b.Gateways {
				if !g.Online || g.Queued > 0 {
					return false, fmt.Sprintf("%s/%s online %v queued %d", b.ID, g.ID, g.Online, g.Queued)
				}
			}
		}
		return len(bs) > 0, "no buildings"
	})
}

// whole checks that InfluxDB holds 1 … max of each gateway, each once, and returns max.
func (s *system) whole() map[string]uint64 {
	s.t.Helper()
	m := s.manifest()
	highest := map[string]uint64{}
	for _, g := range m.Gateways {
		seqs := sequences(s.t, m.Influx, g.Building, g.Gateway)
		var top uint64
		for n, times := range seqs {
			top = max(top, n)
			if times != 1 {
				s.t.Errorf("%s/%s: event %d stands %d times in InfluxDB", g.Building, g.Gateway, n, times)
			}
		}
		if uint64(len(seqs)) != top {
			s.t.Errorf("%s/%s: InfluxDB holds %d events of 1 … %d", g.Building, g.Gateway, len(seqs), top)
		}
		highest[g.Building+"/"+g.Gateway] = top
	}
	return highest
}

// Badges are held up in both buildings while broker, InfluxDB and a gateway are killed, one after the other. Afterwards
// InfluxDB holds what the journals hold, each record once.
func TestKilledInTheMiddle(t *testing.T) {
	s := startDemo(t, t.TempDir(), "--no-people")
	m := s.manifest()
	var sent [2]atomic.Int64
	stop, done := make(chan struct{}), make(chan struct{}, 2)
	for i, building := range []string{"lozionica", "kragujevac"} {
		sample := sampleOf(t, m, building, event.Revoked)
		go func() {
			defer func() { done <- struct{}{} }()
			wires := sim.Dial(sample.Socket)
			defer wires.Close()
			for {
				select {
				case <-stop:
					return
				case <-time.After(50 * time.Millisecond):
				}
				if wires.Wiegand(t.Context(), sample.Reader, sample.Bits) == nil {
					sent[i].Add(1)
				}
			}
		}()
	}
	refused := func(building string) int {
		return len(flux(t, s.manifest().Influx, fmt.Sprintf(`from(bucket: %q) |> range(start: -1h, stop: 1h) |> filter(fn: (r) => r._measurement == "access" and r._field == "seq" and r.building == %q and r.reason == "revoked") |> group()`, m.Influx.Bucket, building)))
	}
	<-time.After(2 * time.Second)
	victim := "kragujevac-" + sampleOf(t, m, "kragujevac", event.Revoked).Gateway
	for _, name := range []string{"server", "influxd", victim} {
		before := s.manifest().Processes[name]
		s.kill(name)
		eventually(t, 30*time.Second, name+" is started again", func() (bool, string) {
			return s.manifest().Processes[name] != before, ""
		})
		<-time.After(3 * time.Second)
	}
	close(stop)
	<-done
	<-done
	s.settled(90 * time.Second)
	s.whole()
	// The gateway that was never killed has seen each badge; the other may have been dead for some.
	if got, want := refused("lozionica"), int(sent[0].Load()); got != want {
		t.Errorf("lozionica: %d badges were held up, InfluxDB holds %d", want, got)
	}
	t.Logf("badges held up: %d and %d; in InfluxDB: %d and %d", sent[0].Load(), sent[1].Load(), refused("lozionica"), refused("kragujevac"))

	if took := s.stop(); took > 5*time.Second {
		t.Errorf("Ctrl-C took %s, at most 5 s is promised", took)
	}
	last := map[string]uint64{}
	for _, g := range m.Gateways {
		last[g.Building+"/"+g.Gateway] = journaled(t, g)
	}
	s.start()
	s.settled(60 * time.Second)
	for g, highest := range s.whole() {
		if highest < last[g] {
			t.Errorf("%s: the journal ends at %d, InfluxDB at %d", g, last[g], highest)
		}
	}
}

// A badge that is revoked on the People page is refused at its door within a second, also by a gateway that was started
// again while the broker is away.
func TestRevokedOnThePage(t *testing.T) {
	s := startDemo(t, t.TempDir(), "--no-people")
	m := s.manifest()
	sample := sampleOf(t, m, "lozionica", event.Granted)
	try := func() (released bool) {
		if a := wire(t, sample.Socket, "wiegand "+sample.Reader+" "+sample.Bits); a != "ok" {
			t.Fatalf("wiegand: %s", a)
		}
		<-time.After(50 * time.Millisecond)
		return outputs(t, sample.Socket)[sample.Output]
	}
	if !try() {
		t.Fatal("the sample badge does not open before it is revoked")
	}
	eventually(t, 20*time.Second, "relocked", func() (bool, string) { return !outputs(t, sample.Socket)[sample.Output], "" })

	page := openBrowser(t, m)
	page.logIn()
	do(page, "people", chromedp.Navigate(m.HTTP+"/people?q="+url.QueryEscape(sample.Badge)))
	do(page, "the person", chromedp.Click(`#people tbody th a`))
	do(page, "the badge", chromedp.Click(`a[href$="/revoke"]`))
	do(page, "see the question", chromedp.WaitVisible(`form[action$="/revoke"] button`))
	page.screenshot("revoke")
	do(page, "revoke", chromedp.Click(`form[action$="/revoke"] button`))
	clicked := time.Now()
	eventually(t, time.Second, "refused at the door", func() (bool, string) { return !try(), "still opens" })
	t.Logf("refused %s after the click", time.Since(clicked).Round(time.Millisecond))

	server := s.manifest().Processes["server"]
	if err := syscall.Kill(server, syscall.SIGSTOP); err != nil { // the broker is away, and stays away
		t.Fatal(err)
	}
	defer func() { _ = syscall.Kill(server, syscall.SIGCONT) }()
	name := sample.Building + "-" + sample.Gateway
	before := s.manifest().Processes[name]
	s.kill(name)
	eventually(t, 20*time.Second, "gateway started again", func() (bool, string) {
		return s.manifest().Processes[name] != before, ""
	})
	restarted := time.Now()
	eventually(t, 20*time.Second, "wires are there", func() (bool, string) {
		_, err := sim.Dial(sample.Socket).Outputs(t.Context())
		return err == nil, fmt.Sprint(err)
	})
	for time.Since(restarted) < 4*time.Second { // also after the first second, in which readers are not listened to
		if try() {
			t.Fatal("the restarted gateway opens for a revoked badge")
		}
	}
	if err := syscall.Kill(server, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	e, _ := s.seen(sample.Building, restarted, 60*time.Second, func(e live.Event) bool {
		return e.Kind == event.AccessDenied && e.Reason == event.Revoked && e.Badge == sample.Badge
	})
	t.Logf("refused offline at %s with reason %s", e.At.Format(time.TimeOnly), e.Reason)
}

// However the demo ends, nothing of it is left running.
func TestNothingIsLeftRunning(t *testing.T) {
	s := startDemo(t, t.TempDir(), "--no-people")
	processes := s.manifest().Processes
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-s.done
	s.cmd = nil
	for name, pid := range processes {
		eventually(t, 10*time.Second, name+" is gone", func() (bool, string) {
			err := syscall.Kill(pid, 0)
			return errors.Is(err, syscall.ESRCH), fmt.Sprint(err)
		})
	}
}
