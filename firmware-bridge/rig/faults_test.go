package rig_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	bridge "kapija/firmware-bridge"
)

// L25 for each device, alone: it goes once, with a cause, nothing else does, and it is back by itself.
func TestL25BenchDevices(t *testing.T) {
	fails := map[string][]string{ // what is failed → what is told offline
		"wiegand": {"wiegand"}, "osdp": {"osdp", "osdp-tamper"}, "mfrc522": {"mfrc522"}, "pn532": {"pn532"},
		"line-contact": {"line-contact"}, "beam-outer": {"beams"}, "beam-inner": {"beams"}, "distance": {"distance"},
		"io": {"expander-contact", "expander-rex"}, "expander-rex": {"expander-contact", "expander-rex"},
		"loops": {"loop-contact"}, "loop-contact": {"loop-contact"},
		"bme280": {"bme280"}, "bme680": {"bme680"}, "scd4x": {"scd4x"}, "sht4x": {"sht4x"}, "ds18b20": {"ds18b20"}, "ld2410": {"ld2410"},
		"pir": {"pir"}, "leak": {"leak"},
	}
	f := newFull(t)
	synctest.Test(t, func(t *testing.T) {
		b := f.run(t, f.wires(t, false))
		b.told(online)
		for _, id := range slices.Sorted(maps.Keys(fails)) {
			b.do("fail %s", id)
			told := b.told(time.Minute)
			health := healths(told)
			if got := slices.Sorted(maps.Keys(health)); !slices.Equal(got, fails[id]) {
				t.Errorf("%s failed: health of %q was told, expected of %q", id, got, fails[id])
			}
			for device, all := range health {
				if len(all) != 1 || all[0].Online || all[0].Cause == "" {
					t.Errorf("%s failed: %s told %+v, expected offline once with a cause", id, device, all)
				}
			}
			b.do("heal %s", id)
			health = healths(b.told(time.Minute))
			if got := slices.Sorted(maps.Keys(health)); !slices.Equal(got, fails[id]) {
				t.Errorf("%s healed: health of %q was told, expected of %q", id, got, fails[id])
			}
			for device, all := range health {
				if !slices.Equal(all, []bridge.Health{{Online: true}}) {
					t.Errorf("%s healed: %s told %+v, expected online once", id, device, all)
				}
			}
		}
		b.do("card pn532 01020304")
		b.do("level expander-contact 1")
		b.do("walk distance in")
		if told := b.told(2 * time.Second); len(told) != 3 {
			t.Errorf("after all that: told %+v, expected a card, a contact and a passage", told)
		}
	})
}

// L26: the expander loses its power while it releases a lock. The lock is off from then on, whoever asks is told so, and
// it stays off when the power is back, until somebody switches it on.
func TestL26ExpanderLosesItsPower(t *testing.T) {
	f := newFull(t)
	synctest.Test(t, func(t *testing.T) {
		b := f.run(t, f.wires(t, false))
		b.told(online)
		lock := b.devices.Outputs["expander-lock"]
		if err := lock.Set(true); err != nil || !b.shown()["expander-lock"] {
			t.Fatalf("the lock is not released: %v", err)
		}
		b.do("fail io")
		if b.shown()["expander-lock"] {
			t.Error("the lock is energised by a chip without power")
		}
		if _, err := lock.Level(); err == nil {
			t.Error("read back without an error from a chip without power")
		}
		if err := lock.Set(true); err == nil {
			t.Error("set without an error at a chip without power")
		}
		b.told(time.Minute)
		b.do("heal io")
		for range 3 {
			b.told(time.Second)
			if on, err := lock.Level(); on || err != nil || b.shown()["expander-lock"] {
				t.Errorf("after the power cut: read back %v, error %v, shown %v; expected off", on, err, b.shown()["expander-lock"])
			}
		}
		if err := lock.Set(true); err != nil || !b.shown()["expander-lock"] {
			t.Errorf("the lock is not released again: %v", err)
		}
		// A stuck pin is told too.
		b.do("fail expander-lock")
		if on, err := lock.Level(); on || err != nil {
			t.Errorf("stuck: read back %v, error %v", on, err)
		}
		if err := lock.Set(true); err == nil {
			t.Error("set without an error although the pin is stuck")
		}
	})
}

// badOutputs are wires that lack the outputs of which it says so.
type badOutputs struct {
	bridge.Wires
	bad string
}

func (b badOutputs) Output(id string) (bridge.Output, error) {
	if strings.HasPrefix(id, b.bad) {
		return nil, fmt.Errorf("output %s is stuck", id)
	}
	return b.Wires.Output(id)
}

func TestOpenThatFailsLeavesEverythingOff(t *testing.T) {
	f := newFull(t)
	synctest.Test(t, func(t *testing.T) {
		w := f.wires(t, false)
		_, err := f.open(t, badOutputs{w, "wiegand-"})
		if err == nil || !strings.Contains(err.Error(), "wiegand-led is stuck") || !strings.Contains(err.Error(), "wiegand-buzzer is stuck") {
			t.Errorf("found the error %v, expected both outputs in it", err)
		}
		answer, err := w.Do(t.Context(), "outputs")
		if err != nil || strings.Contains(answer, "true") {
			t.Errorf("outputs %s, error %v", answer, err)
		}
		for _, id := range []string{"wiegand", "line-contact", "io"} { // no line was left open
			open := w.Input
			if id == "wiegand" {
				open = w.Wiegand
			}
			if _, err := open(id); err != nil {
				t.Errorf("%s: %v", id, err)
			}
		}
		if port, err := w.Serial("rs485"); err != nil {
			t.Error(err)
		} else if err := port.Close(); err != nil {
			t.Error(err)
		}
		if err := w.Close(); err != nil { // and nothing runs: the bubble would not end
			t.Error(err)
		}
	})
}

func TestResetLineThatFailsIsNamed(t *testing.T) {
	f := newFull(t)
	synctest.Test(t, func(t *testing.T) {
		w := f.wires(t, false)
		defer w.Close()
		_, err := f.open(t, badOutputs{w, "distance."})
		if err == nil || !strings.Contains(err.Error(), "distance.outer.reset") || !strings.Contains(err.Error(), "distance.inner.reset") {
			t.Errorf("found the error %v, expected both reset lines in it", err)
		}
		if _, err := f.open(t, badOutputs{w, "mfrc522"}); err == nil || !strings.Contains(err.Error(), "mfrc522.reset is stuck") {
			t.Errorf("found the error %v", err)
		}
	})
}
