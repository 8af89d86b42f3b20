package rig_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/rig"
	"kapija/firmware-bridge/sim"
	"kapija/firmware-bridge/wiegand"
	"kapija/internal/cardformat"
	"kapija/internal/site"
)

// What the district says of a reader reaches its driver: a format of the site's own, the keypad and its facility code.
func TestKeypadsAndOwnFormats(t *testing.T) {
	formats, problems := cardformat.NewSet([]cardformat.Format{{Name: "wiegand-own-27", Bits: 27, Number: cardformat.Field{Width: 27}}})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	synctest.Test(t, func(t *testing.T) {
		gw := &site.Gateway{ID: "g1", Readers: []*site.Reader{
			{ID: "keys", Formats: []string{"wiegand-own-27"}, Keypad: "4-bit"},
			{ID: "whole", Formats: []string{"wiegand-26"}, Keypad: "26-bit", KeypadFacility: 200},
		}}
		w, err := sim.Open(gw, nil)
		if err != nil {
			t.Fatal(err)
		}
		d, err := rig.Open(gw, w, rig.Opts{Formats: formats})
		if err != nil {
			t.Fatal(err)
		}
		b := &bench{t, w, d, make(chan bridge.Signal, 64)}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		for _, s := range d.Sources {
			go func() { ended <- s.Run(ctx, b.out) }()
		}
		defer func() {
			cancel()
			for range d.Sources {
				if err := <-ended; err != nil {
					t.Error(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		}()
		b.told(2 * wiegand.Settle)

		own := strings.Repeat("01", 13) + "1"
		b.do("wiegand keys %s", own)
		b.told(time.Millisecond) // less than a silence: nothing yet
		var reads []any
		for _, burst := range []string{"0100", "0000", "0111", "1001", "1011"} {
			reads = append(reads, b.told(time.Second)["keys"]...)
			b.do("wiegand keys %s", burst)
		}
		reads = append(reads, b.told(time.Second)["keys"]...)
		wantReads(t, reads, "wiegand-own-27 "+own, "pin "+ascii("4079"))

		for facility, want := range map[uint64]string{200: "pin " + ascii("4079"), 21: "wiegand-26"} {
			bits, n, err := formats.Encode("wiegand-26", facility, 4079)
			if err != nil {
				t.Fatal(err)
			}
			if want == "wiegand-26" {
				want += " " + cardformat.String(bits, n)
			}
			b.do("wiegand whole %s", cardformat.String(bits, n))
			wantReads(t, b.told(time.Second)["whole"], want)
		}
	})
}

func ascii(digits string) string { return cardformat.String([]byte(digits), 8*len(digits)) }

func wantReads(t *testing.T, told []any, want ...string) {
	t.Helper()
	if len(told) != len(want) {
		t.Fatalf("%d signals, expected %d reads", len(told), len(want))
	}
	for i, what := range told {
		r, _ := what.(bridge.Read)
		if got := r.Format + " " + cardformat.String(r.Bits, r.Len); r.Fault != "" || got != want[i] {
			t.Errorf("found %s with the fault %q, expected %s", got, r.Fault, want[i])
		}
	}
}
