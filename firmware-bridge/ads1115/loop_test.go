package ads1115

import (
	"strings"
	"testing"
	"time"

	"periph.io/x/conn/v3/physic"
	"pgregory.net/rapid"
)

func TestBands(t *testing.T) {
	got, err := Loop{}.complete()
	if err != nil {
		t.Fatal(err)
	}
	// 3.3 V × 4230/(4230+5170) … 3.3 V × 5170/(5170+4230), and the same with 9400 Ω.
	if s := got.Bands.String(); s != "short up to 0.17 V, normal 1.49 … 1.81 V, active 2.05 … 2.34 V, cut from 3.13 V" {
		t.Error(s)
	}
	got, err = Loop{ActiveClosed: true, Supply: 3 * physic.Volt, PullUp: 2200 * physic.Ohm, Series: 1000 * physic.Ohm,
		Parallel: 2200 * physic.Ohm, Tolerance: 5}.complete()
	if err != nil {
		t.Fatal(err)
	}
	if s := got.Bands.String(); s != "short up to 0.15 V, normal 1.70 … 1.85 V, active 0.87 … 1.00 V, cut from 2.85 V" {
		t.Error(s)
	}
}

func TestBandsAreRefused(t *testing.T) {
	for want, l := range map[string]Loop{
		"bands overlap: short up to 0.17 V, normal 0.12": {Series: 220 * physic.Ohm},
		"bands overlap":         {Parallel: 470 * physic.Ohm},
		"1 Ω … 1 MΩ":            {PullUp: -1},
		"1 … 20 %":              {Tolerance: 21},
		"1 V … 4.096 V":         {Supply: 5 * physic.Volt},
		"choose resistors near": {Bands: &Bands{Normal: Band{1, 2}, Active: Band{2, 3}, Open: 4}},
	} {
		if _, err := l.complete(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, expected %q", err, want)
		}
	}
}

// Each loop that is within its tolerance is found in its state; there is no voltage with two.
func TestResistorsWithinTheirTolerance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		times := func(r physic.ElectricResistance, low, high int, name string) physic.ElectricResistance {
			return r * physic.ElectricResistance(rapid.IntRange(low, high).Draw(t, name)) / 10
		}
		pullUp := times(10_000*physic.Ohm, 1, 10, "pull-up")
		series := times(pullUp, 5, 20, "series")
		l, err := Loop{PullUp: pullUp, Series: series, Parallel: times(series, 10, 20, "parallel"),
			Tolerance: rapid.IntRange(1, 5).Draw(t, "tolerance"), ActiveClosed: rapid.Bool().Draw(t, "active closed")}.complete()
		if err != nil {
			t.Fatal(err)
		}
		off := func(name string) float64 {
			return 1 + float64(rapid.IntRange(-l.Tolerance*10, l.Tolerance*10).Draw(t, name))/1000*0.999
		}
		closed := rapid.Bool().Draw(t, "closed")
		r := l.Series
		if !closed {
			r += l.Parallel
		}
		loop, pull := float64(r)*off("loop"), float64(l.PullUp)*off("pull")
		v := physic.ElectricPotential(float64(l.Supply) * loop / (loop + pull))
		want := normal
		if closed == l.ActiveClosed {
			want = active
		}
		if got := l.Bands.classify(v); got != want {
			t.Fatalf("state %d at %v, expected %d of %v", got, v, want, l.Bands)
		}
	})
}

// Whatever comes, a state is told only when all samples of its time showed it, and at once then.
func TestWatchTellsWhatHeld(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, _ := Loop{}.complete()
		w := watch{bands: *l.Bands, wait: 20 * time.Millisecond}
		at, told := time.Unix(0, 0), unknown
		last, since := unknown, at
		for range rapid.IntRange(1, 100).Draw(t, "samples") {
			at = at.Add(time.Duration(rapid.IntRange(1, 30).Draw(t, "ms")) * time.Millisecond)
			v := rapid.SampledFrom([]physic.ElectricPotential{0, 1650, 1900, 2200, 3300}).Draw(t, "mV") * physic.MilliVolt
			now := map[physic.ElectricPotential]state{0: short, 1650: normal, 1900: between, 2200: active, 3300: open}[v/physic.MilliVolt]
			if now != last {
				last, since = now, at
			}
			need := 20 * time.Millisecond
			if now == between {
				need = 100 * time.Millisecond
			}
			s, news := w.sample(at, v)
			if want := now != told && at.Sub(since) >= need; news != want || news && s != now {
				t.Fatalf("at %v: state %d, news %v; expected %v", at, s, news, want)
			}
			if news {
				told = s
			}
		}
	})
}
