package ld2410_test

import (
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/ld2410"
	"kapija/firmware-bridge/sensortest"
	"kapija/firmware-bridge/sim"
	"kapija/internal/brick"
)

func presence(there float64) bridge.Measured {
	return bridge.Measured{Quantity: "Occupancy_Sensor", Value: there, Unit: "1"}
}

func start(t *testing.T, radar *sim.LD2410, every time.Duration) *sensortest.Running {
	t.Helper()
	dev, err := ld2410.New(sensortest.ID, radar.Open, every, nil)
	if err != nil {
		t.Fatal(err)
	}
	return sensortest.Start(t, dev)
}

// see changes what the radar sees: the state of its reports.
func see(t *testing.T, radar *sim.LD2410, state float64) {
	t.Helper()
	if err := radar.Set(brick.Occupancy, state); err != nil {
		t.Fatal(err)
	}
}

// within checks how long something took since it began.
func within(t *testing.T, began time.Time, least, most time.Duration) {
	t.Helper()
	if took := time.Since(began); took < least || took > most {
		t.Errorf("after %v, expected %v to %v", took, least, most)
	}
}

func TestPresence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		radar := sim.NewLD2410()
		began := time.Now()
		r := start(t, radar, time.Minute)
		r.ExpectOnline(presence(0))
		within(t, began, 0, 200*time.Millisecond)

		began = time.Now()
		see(t, radar, 1)
		r.Expect(presence(1))
		within(t, began, 0, 200*time.Millisecond)
		r.Expect(presence(1)) // again, for the history
		within(t, began, time.Minute, time.Minute+300*time.Millisecond)

		see(t, radar, 2) // still, but there
		r.Expect(presence(1))
		within(t, began, 2*time.Minute, 2*time.Minute+300*time.Millisecond)

		began = time.Now()
		see(t, radar, 0)
		time.Sleep(5 * time.Second)
		see(t, radar, 3)
		time.Sleep(300 * time.Millisecond) // a pause that is shorter than the hold is none
		see(t, radar, 0)
		r.Expect(presence(0))
		within(t, began, 15*time.Second, 15*time.Second+700*time.Millisecond)
		r.Stop()
		if n := radar.Ports(); n != 0 {
			t.Errorf("%d ports are left open", n)
		}
	})
}

func TestL25EachFailureIsToldOnce(t *testing.T) {
	for what, c := range map[string]struct {
		fault func(radar *sim.LD2410, on bool)
		cause string
	}{
		"silent":       {(*sim.LD2410).Silence, "ld2410: no report for 2s, and no byte: check the radar's power"},
		"broken":       {(*sim.LD2410).Break, "ld2410: no report for 2s, but 4"},
		"port is gone": {(*sim.LD2410).Fail, syscall.EIO.Error()},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				radar := sim.NewLD2410()
				dev, err := ld2410.New(sensortest.ID, radar.Open, 10*time.Second, nil)
				if err != nil {
					t.Fatal(err)
				}
				sensortest.ToldOnce(t, dev, sensortest.Fault{
					Break: func() { c.fault(radar, true) }, Heal: func() { c.fault(radar, false) }, Cause: c.cause})
				if n := radar.Ports(); n != 0 {
					t.Errorf("%d ports are left open", n)
				}
			})
		})
	}
}

func TestOfflineAfterTwoSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		radar := sim.NewLD2410()
		see(t, radar, 1)
		r := start(t, radar, time.Hour)
		r.ExpectOnline(presence(1))
		began := time.Now()
		radar.Silence(true)
		r.ExpectOffline("no report for 2s")
		within(t, began, 1900*time.Millisecond, 2200*time.Millisecond)
		see(t, radar, 0)
		radar.Silence(false)
		r.ExpectOnline(presence(0)) // what was seen before it went away does not hold
		r.Stop()
	})
}

func TestMissingAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		radar := sim.NewLD2410()
		radar.Fail(true)
		r := start(t, radar, time.Minute)
		r.ExpectOffline(syscall.ENOENT.Error())
		time.Sleep(time.Hour)
		began := time.Now()
		radar.Fail(false)
		r.ExpectOnline(presence(0))
		within(t, began, 0, 16*time.Second)

		// It worked: the next attempts begin with a short pause again.
		began = time.Now()
		radar.Fail(true)
		r.ExpectOffline(syscall.EIO.Error())
		radar.Fail(false)
		r.ExpectOnline(presence(0))
		within(t, began, 0, 1200*time.Millisecond)
		r.Stop()
	})
}

func TestNewRefuses(t *testing.T) {
	if _, err := ld2410.New("s", nil, time.Millisecond, nil); err == nil || !strings.Contains(err.Error(), "1s") {
		t.Error(err)
	}
	if _, err := ld2410.New("s", nil, time.Minute, &ld2410.Opts{Hold: -1}); err == nil || !strings.Contains(err.Error(), "10s") {
		t.Error(err)
	}
}
