package vl53l1x

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// learned is a sensor that saw an empty passage of so many mm.
func learned(t interface{ Fatal(...any) }, mm int) *eye {
	e := &eye{reach: 1300}
	for range steady {
		if _, err := e.measure(good, mm); err != nil || e.near {
			t.Fatal(err, e.near)
		}
	}
	if e.empty != mm {
		t.Fatal("learned", e.empty)
	}
	return e
}

// feed measures and gives the changes as letters: + somebody, - nobody, . none.
func feed(t *testing.T, e *eye, status byte, mms ...int) string {
	t.Helper()
	var s strings.Builder
	for _, mm := range mms {
		changed, err := e.measure(status, mm)
		switch {
		case err != nil:
			t.Fatal(err)
		case changed && e.near:
			s.WriteByte('+')
		case changed:
			s.WriteByte('-')
		default:
			s.WriteByte('.')
		}
	}
	return s.String()
}

func TestEye(t *testing.T) {
	e := learned(t, 1000)
	for _, c := range []struct {
		what   string
		status byte
		mms    []int
		want   string
	}{
		{"single outliers are nothing", good, []int{400, 1000, 300, 990, 10, 1000}, "......"},
		{"two in a row are somebody", good, []int{700, 600}, ".+"},
		{"single outliers are nobody gone", good, []int{1000, 500, 1000, 500}, "...."},
		{"in between it stays", good, []int{770, 790, 760, 799}, "...."},
		{"two farther are nobody", good, []int{801, 801}, ".-"},
		{"in between it stays so", good, []int{760, 790, 751, 799}, "...."},
		{"very near is somebody", minClipped, []int{5, 5}, ".+"},
		{"noise says nothing", noisy, []int{1000, 1000, 1000}, "..."},
		{"not yet compared says nothing", notCompared, []int{1000}, "."},
		{"no signal is nobody", noSignal, []int{0, 0}, ".-"},
		{"a noisy person says nothing", noisy, []int{300, 300}, ".."},
		{"a wrapped target is far", wrapped, []int{100, 100}, ".."},
		{"out of phase is far", wrongPhase, []int{100, 100}, ".."},
	} {
		if got := feed(t, e, c.status, c.mms...); got != c.want {
			t.Errorf("%s: %q, expected %q", c.what, got, c.want)
		}
	}
}

func TestEyeLearns(t *testing.T) {
	e := &eye{reach: 1300}
	for i := range 10 * steady {
		feed(t, e, good, 500+i%3*50) // somebody moves
	}
	if e.empty != 0 {
		t.Errorf("learned %d from a passage that is not still", e.empty)
	}
	for range steady {
		feed(t, e, good, 640) // and stops
	}
	if got := feed(t, e, good, 300, 300, 300, 640, 640); got != ".+..-" || e.empty != 640 {
		t.Errorf("%q with %d mm", got, e.empty)
	}
	for range steady - 1 {
		if got := feed(t, e, noSignal, 0); got != "." || e.empty != 640 {
			t.Fatal(got, e.empty)
		}
	}
	feed(t, e, noSignal, 0)
	if e.empty != 1300 {
		t.Errorf("empty is %d mm after somebody went who stood there at start, expected nothing in reach", e.empty)
	}
	for range 10 * steady {
		feed(t, e, good, 640)
	}
	if !e.near || e.empty != 1300 {
		t.Errorf("somebody who stands still is taken for the empty passage: near %v, %d mm", e.near, e.empty)
	}
}

func TestEyeSeesNoFartherThanItsReach(t *testing.T) {
	e := &eye{reach: 1300}
	for i := range steady {
		feed(t, e, good, 1400+i%3*500)
	}
	if e.empty != 1300 {
		t.Errorf("learned %d mm", e.empty)
	}
}

func TestEyeFails(t *testing.T) {
	e := learned(t, 1000)
	for i := range patience {
		if _, err := e.measure(noisy, 1000); (err != nil) != (i == patience-1) {
			t.Fatal(i, err)
		} else if err != nil && !strings.Contains(err.Error(), "clean its window") {
			t.Error(err)
		}
	}
	for _, status := range []byte{0, 1, 2, 3, 10, 31} {
		if _, err := e.measure(status, 1000); err == nil {
			t.Errorf("range status %d is taken", status)
		}
	}
}

// Whatever is measured, a change takes two measurements in a row, and the state agrees with them.
func TestEyeAgreesWithTwoInARow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := learned(t, 1000)
		row, last := 0, false
		for range rapid.IntRange(1, steady-1).Draw(t, "measurements") { // too few to learn anew
			near := rapid.Bool().Draw(t, "near")
			mm := 900 + rapid.IntRange(0, 99).Draw(t, "mm")
			if near {
				mm = rapid.IntRange(0, 740).Draw(t, "mm")
			}
			if row++; near != last {
				row, last = 1, near
			}
			before := e.near
			changed, err := e.measure(good, mm)
			if err != nil || changed != (e.near != before) || changed != (row >= 2 && near != before) {
				t.Fatalf("%d in a row are near %v: near %v → %v, changed %v, %v", row, near, before, e.near, changed, err)
			}
		}
	})
}
