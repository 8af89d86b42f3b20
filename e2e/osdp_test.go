package e2e

import (
	"strings"
	"testing"
	"time"

	"kapija/dashboard/live"
	"kapija/internal/event"
)

// A reader on an RS-485 bus, over Secure Channel and a serial port: a badge, an attack, a cut cable and its healing are all
// on the server.
func TestReaderOnABus(t *testing.T) {
	s := startDemo(t, t.TempDir(), "--no-people")
	m := s.manifest()
	revoked := sampleOf(t, m, "lozionica", event.Revoked)
	socket := ""
	for _, g := range m.Gateways {
		if g.Gateway == "gw-annex-high" {
			socket = g.Socket
		}
	}
	const reader, door = "open-data-hub-entry", "open-data-hub"
	do := func(command string, within time.Duration, want func(live.Event) bool) time.Duration {
		t.Helper()
		began := time.Now()
		if a := wire(t, socket, command); a != "ok" {
			t.Fatalf("%s: %s", command, a)
		}
		e, took := s.seen("lozionica", began, within, want)
		t.Logf("%s: %s %s %s after %s", command[:min(len(command), 28)], e.Kind, e.Reason, e.Cause, took.Round(time.Millisecond))
		return took
	}
	at := func(kind event.Kind, part string) func(live.Event) bool {
		return func(e live.Event) bool { return e.Door == door && e.Kind == kind && strings.Contains(e.Cause, part) }
	}
	do("wiegand "+reader+" "+revoked.Bits, 5*time.Second, func(e live.Event) bool {
		return e.Door == door && e.Reason == event.Revoked && e.Badge == revoked.Badge
	})
	do("osdp "+reader+" bad-mac 1", 10*time.Second, at(event.ReaderInsecure, "bad_mac"))
	do("wiegand "+reader+" "+revoked.Bits, 10*time.Second, func(e live.Event) bool { return e.Door == door && e.Reason == event.Revoked })
	do("fail "+reader, 30*time.Second, at(event.ReaderOffline, reader))
	do("heal "+reader, 30*time.Second, at(event.ReaderOnline, reader))
}
