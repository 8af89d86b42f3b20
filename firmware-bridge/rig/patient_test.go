package rig

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// slowOutput is an output at a bus that takes its time.
type slowOutput struct {
	takes time.Duration
	on    bool
	sets  int
}

func (s *slowOutput) Set(on bool) error {
	time.Sleep(s.takes)
	s.on = on
	s.sets++
	return nil
}

func (s *slowOutput) Level() (bool, error) {
	time.Sleep(s.takes)
	return s.on, nil
}

func TestOutputAtABusThatAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient(&slowOutput{takes: time.Millisecond})
		for _, on := range []bool{true, false, true} {
			if err := p.Set(on); err != nil {
				t.Fatal(err)
			}
			if got, err := p.Level(); err != nil || got != on {
				t.Fatalf("found %v and the error %v, expected %v", got, err, on)
			}
		}
	})
}

// A bus that hangs for a second holds nobody up, and then does what was wanted last.
func TestOutputAtABusThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &slowOutput{takes: time.Second}
		p := newPatient(out)
		began := time.Now()
		for _, on := range []bool{true, false, true, false} {
			if err := p.Set(on); !errors.Is(err, errSlow) {
				t.Fatalf("found %v, expected %v", err, errSlow)
			}
		}
		if _, err := p.Level(); !errors.Is(err, errSlow) {
			t.Fatalf("found %v, expected %v", err, errSlow)
		}
		if took := time.Since(began); took > busTime {
			t.Errorf("five calls took %v, expected at most %v", took, busTime)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if out.on || out.sets != 2 {
			t.Errorf("it is on: %v, after %d settings; expected off after the first and the last", out.on, out.sets)
		}
		out.takes = time.Millisecond
		if on, err := p.Level(); on || err != nil {
			t.Errorf("found %v and the error %v after the bus was back", on, err)
		}
	})
}
