package main

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"kapija/firmware-bridge/sim"
	"kapija/internal/cardformat"
)

// hangUp sends SIGHUP and waits for the answer to the service manager.
func (s *session) hangUp(t *testing.T, want string) {
	t.Helper()
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	reloading := false
	for got := range s.says {
		reloading = reloading || strings.HasPrefix(got, "RELOADING=1\nMONOTONIC_USEC=")
		if status, ok := strings.CutPrefix(got, "READY=1\nSTATUS="); ok {
			if !reloading || !strings.Contains(status, want) {
				t.Errorf("reloading %v, %q does not say %q", reloading, status, want)
			}
			return
		}
	}
}

func TestReloadBySIGHUP(t *testing.T) {
	b := newBench(t)
	s := b.start(t)
	text, err := os.ReadFile(b.path("district.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	write := func(text []byte) {
		if err := os.WriteFile(b.path("district.yaml"), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.hangUp(t, "in use")
	write([]byte("buildings: 7"))
	s.hangUp(t, "refused, the old one goes on")
	door := b.building.DoorsOf(b.gateway.ID)[0]
	write(bytes.Replace(text, []byte("- id: "+door.ID+"\n"), []byte("- id: renamed-"+door.ID+"\n"), 1))
	s.hangUp(t, "refused, the old one goes on")
	write(text)
	s.hangUp(t, "in use")
	s.hears(t, "WATCHDOG=1")
	s.end(t)
}

func TestLocalPage(t *testing.T) {
	b := newBench(t)
	if err := os.WriteFile(b.path("pin"), []byte("246810"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bad := range [][]string{{"--local", "0.0.0.0:0"}, {"--local", "0.0.0.0:0", "--local-pin-file", b.path("none")}} {
		if _, err := output(t, append(b.args(), bad...)...); err == nil {
			t.Errorf("%v is accepted", bad)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	s := b.start(t, "--local", address)
	s.hears(t, "WATCHDOG=1")
	s.hears(t, "WATCHDOG=1") // what a reader sends in its first second is thrown away
	wires := sim.Dial(b.path("wires"))
	defer wires.Close()
	door := b.building.DoorsOf(b.gateway.ID)[0]
	if err := wires.Wiegand(t.Context(), door.Entry, "00000000000000000000000000"); err != nil {
		t.Fatal(err)
	}
	s.hears(t, "WATCHDOG=1")
	res, err := http.Get("http://" + address + "/?lang=en")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	for _, want := range []string{door.Name.En, "Access denied", "Gateway started"} {
		if err != nil || !strings.Contains(string(page), want) {
			t.Errorf("%v: %q is missing in\n%s", err, want, page)
		}
	}
	s.end(t)
}

func TestExplain(t *testing.T) {
	b := newBench(t)
	s := b.start(t)
	s.end(t)
	door := b.building.DoorsOf(b.gateway.ID)[0]
	ask := func(more ...string) (string, error) {
		return output(t, append([]string{
			"explain", "--site", b.path("district.yaml"), "--building", b.building.ID, "--gateway", b.gateway.ID, "--data", b.path("data"),
			"--keys", b.path("keys"), "--door", door.ID,
		}, more...)...)
	}
	answers := map[string]bool{}
	for _, l := range []string{"en", "sr-Latn", "sr-Cyrl"} {
		text, err := ask("--card", "wiegand-26:12:3456", "--at", "2026-06-01 08:00", "--lang", l)
		if err != nil || !strings.HasPrefix(text, "1. ") {
			t.Errorf("%s: %v\n%s", l, err, text)
		}
		answers[text] = true
	}
	if len(answers) != 3 {
		t.Errorf("%v", answers)
	}
	for _, bad := range [][]string{
		{"--card", "wiegand-26"}, {"--card", "unknown:1:2"}, {"--card", "wiegand-26:999999:1"}, {"--card", "wiegand-26:a:1"},
		{"--card", "wiegand-26:1:1", "--at", "yesterday"}, {"--card", "wiegand-26:1:1", "--door", "attic"}, {"--card", "wiegand-26:1:1", "--lang", "de"},
	} {
		if text, err := ask(bad...); err == nil {
			t.Errorf("%v: %s", bad, text)
		}
	}
}

func TestParseCardOfTheSitesOwnFormat(t *testing.T) {
	formats, problems := cardformat.NewSet([]cardformat.Format{{Name: "wiegand-own-27", Bits: 27, Number: cardformat.Field{Width: 27}}})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if f, bits, n, err := parseCard("wiegand-own-27:4711", formats); err != nil || f != "wiegand-own-27" || n != 27 || len(bits) != 4 {
		t.Errorf("%s of %d bits, error %v", f, n, err)
	}
	if _, _, _, err := parseCard("wiegand-own-27:4711", nil); err == nil {
		t.Error("another site knows the format")
	}
}

func TestParseCard(t *testing.T) {
	f, bits, n, err := parseCard("wiegand-26:12:3456", nil)
	if err != nil || f != "wiegand-26" || n != 26 {
		t.Fatal(f, n, err)
	}
	var text strings.Builder
	for i := range n {
		text.WriteByte('0' + bits[i/8]>>(7-i%8)&1)
	}
	_, same, _, err := parseCard("wiegand-26:"+text.String(), nil)
	if err != nil || !bytes.Equal(bits, same) {
		t.Errorf("%x, %x, %v", bits, same, err)
	}
	belgrade, err := time.LoadLocation("Europe/Belgrade")
	if err != nil {
		t.Fatal(err)
	}
	if at, err := parseTime("2026-06-01 08:00", belgrade); err != nil || at.UTC().Hour() != 6 {
		t.Errorf("%v, %v", at, err)
	}
}
