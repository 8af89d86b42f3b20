package reader_test

import (
	"testing"
	"time"

	bridge "kapija/firmware-bridge"
)

var (
	online  = bridge.Health{Online: true}
	offline = bridge.Health{Cause: errChip.Error()}
)

func TestL24AChipThatDiesIsNoticedAndBroughtBack(t *testing.T) {
	card := got{"uid-32", "\x01\x02\x03\x04", 32, ""}
	for what, c := range map[string]struct {
		dies  func(*chip)
		cause string
	}{
		"it finds no card any more": {func(c *chip) { c.quiet = true }, errQuiet.Error()},
		"its bus fails":             {func(c *chip) { c.broken = errChip }, errChip.Error()},
	} {
		t.Run(what, func(t *testing.T) {
			on(t, all, func(b *bench) {
				for range 3 {
					if told := b.after(2 * time.Hour); len(told) != 0 {
						t.Fatalf("told %+v in two quiet hours", told)
					}
					b.show(plain(t, 1, 2, 3, 4))

					b.chip.do(func() { c.dies(b.chip) })
					b.expect("within seconds", 2*time.Second, bridge.Health{Cause: c.cause})
					resets := b.chip.counted().resets
					b.expect("an hour without it", time.Hour)
					if n := b.chip.counted().resets - resets; n < 200 || n > 260 {
						t.Errorf("%d attempts in an hour, expected one in 15 s", n)
					}
					b.chip.do(func() { b.chip.quiet, b.chip.broken = false, nil })
					b.expect("back within seconds", 16*time.Second, online)
					b.chip.put(plain(t, 1, 2, 3, 4))
					b.expect("and it reads", time.Second, card)
					b.chip.put()
				}
				if s := b.dev.Stats(); s.Reads != 6 {
					t.Errorf("counted %+v", s)
				}
			})
		})
	}
}

func TestL24TheWatchdogAsksOnceASecond(t *testing.T) {
	on(t, all, func(b *bench) {
		for what, card := range map[string]bool{"idle": false, "a card is held": true} {
			b.chip.put()
			if card {
				b.chip.put(plain(t, 1, 2, 3, 4))
			}
			asked := b.chip.counted().asked
			b.after(100 * time.Second)
			if n := b.chip.counted().asked - asked; n < 90 || n > 100 {
				t.Errorf("%s: asked %d times in 100 s", what, n)
			}
		}
	})
}

func TestMissingAtStart(t *testing.T) {
	on(t, all, func(b *bench) {
		b.chip.do(func() { b.chip.broken = errChip })
		b.expect("it fails", time.Hour, offline)
		b.chip.do(func() { b.chip.broken = nil })
		b.expect("it is there", 16*time.Second, online)
	})
}

// A card that lies on the reader while the chip is reset was not presented anew.
func TestAHeldCardSurvivesAReset(t *testing.T) {
	on(t, all, func(b *bench) {
		b.chip.put(desfireCard(nil))
		b.expect("presented", time.Second, got{"desfire", string(uid[:]), 56, ""})
		b.chip.do(func() { b.chip.broken = errChip })
		b.expect("it fails", time.Minute, offline)
		b.chip.do(func() { b.chip.broken = nil })
		b.expect("it is back", time.Minute, online)
		b.chip.put()
		b.after(time.Second)
		b.chip.put(desfireCard(nil))
		b.expect("presented anew", time.Second, got{"desfire", string(uid[:]), 56, ""})
	})
}

// What failed for long and worked since is as good as new.
func TestRecoveryIsFastAgainAfterAMinute(t *testing.T) {
	on(t, all, func(b *bench) {
		fails := func(d time.Duration) {
			t.Helper()
			b.chip.do(func() { b.chip.broken = errChip })
			b.expect("it fails", d, offline)
			b.chip.do(func() { b.chip.broken = nil })
		}
		fails(time.Hour)
		b.expect("it is back", 16*time.Second, online)
		b.after(2 * time.Minute)
		fails(200 * time.Millisecond)
		b.expect("it is back in a second", time.Second, online)
	})
}

// A chip that fails with each card, and only then, is reset with growing pauses as well.
func TestAChipThatFailsWithEachCard(t *testing.T) {
	on(t, all, func(b *bench) {
		b.chip.do(func() { b.chip.deaf = errChip })
		b.chip.put(desfireCard(nil))
		told := b.after(10 * time.Minute)
		if n := len(told); n < 60 || n > 100 {
			t.Errorf("told %d times in ten minutes, expected about two in 15 s", n)
		}
		for i, what := range told {
			want := bridge.Health{Online: i%2 == 1}
			if i%2 == 0 {
				want.Cause = "desfire: command 5a: " + errChip.Error()
			}
			if what != want {
				t.Fatalf("told %+v, expected %+v", what, want)
			}
		}
	})
}

// A chip that comes up and fails with each card is not reset in a tight loop, and no card is told.
func TestAChipThatFailsInTheMiddleOfACard(t *testing.T) {
	on(t, all, func(b *bench) {
		b.chip.put(desfireCard(nil))
		time.Sleep(72 * time.Millisecond) // it is being read
		b.chip.do(func() { b.chip.broken = errChip })
		b.expect("it fails", time.Second, bridge.Health{Cause: "desfire: command 5a: " + errChip.Error()})
		b.chip.do(func() { b.chip.broken = nil })
		b.expect("it is back, and reads", 3*time.Second, online, got{"desfire", string(uid[:]), 56, ""})
	})
}
