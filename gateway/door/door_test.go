package door

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"kapija/internal/event"
	"kapija/internal/policy"
)

// say writes an action in one word: what the tables below compare.
func say(a Action) string {
	switch a := a.(type) {
	case Drive:
		if a.Released {
			return "RELEASE"
		}
		return "LOCK"
	case Answer:
		return fmt.Sprint([]string{"welcome", "not-here", "not-now", "close-it", "quiet", "go-on"}[a.Says], ":", a.Side)
	case Record:
		s := string(a.Kind)
		for _, part := range []string{string(a.Side), a.Badge, string(a.Reason), a.Cause} {
			if part != "" {
				s += " " + part
			}
		}
		return s
	}
	return "?"
}

type moment struct {
	at   time.Duration // since the door was started
	in   Input
	want []string // empty: nothing
}

func play(t *testing.T, c Config, moments ...moment) *Machine {
	t.Helper()
	m := New(c)
	m.Step(start, Contact{})
	m.Step(start, SetMode{Secure, "start"})
	run(t, m, moments...)
	return m
}

func run(t *testing.T, m *Machine, moments ...moment) {
	t.Helper()
	for i, mo := range moments {
		var got []string
		for _, a := range m.Step(start.Add(mo.at), mo.in) {
			got = append(got, say(a))
		}
		if !slices.Equal(got, mo.want) {
			t.Fatalf("moment %d, %v %T%+v\n got %s\nwant %s", i, mo.at, mo.in, mo.in, strings.Join(got, " | "), strings.Join(mo.want, " | "))
		}
	}
}

const sec = time.Second

var (
	opens  = Contact{Active: true}
	closes = Contact{}
)

func TestGrantOpensOnceAndRelocksOnClose(t *testing.T) {
	play(t, built,
		moment{0, grant("A"), []string{"RELEASE", "welcome:in", "access.granted in A granted badge", "door.unlocked in A badge"}},
		moment{2 * sec, opens, []string{"door.opened badge", "access.entered in A badge"}},
		moment{3 * sec, closes, []string{"LOCK", "door.closed closed", "door.locked closed"}},
	)
}

func TestNobodyPasses(t *testing.T) {
	play(t, built,
		moment{0, grant("A").out(), []string{"RELEASE", "welcome:out", "access.granted out A granted badge", "door.unlocked out A badge"}},
		moment{5 * sec, Tick{}, []string{"LOCK", "door.locked timeout"}},
		moment{5*sec + Settle, Tick{}, []string{"access.not_entered out A timeout"}},
	)
}

func TestOpenedAsTheReleaseEnds(t *testing.T) {
	play(t, built,
		moment{0, grant("A"), []string{"RELEASE", "welcome:in", "access.granted in A granted badge", "door.unlocked in A badge"}},
		moment{5 * sec, Tick{}, []string{"LOCK", "door.locked timeout"}},
		moment{5*sec + Settle/2, opens, []string{"door.opened badge", "access.entered in A badge"}},
	)
}

func TestRefusals(t *testing.T) {
	for r, says := range map[event.Reason]string{
		event.UnknownBadge: "not-here", event.NoAccess: "not-here", event.Revoked: "not-here", event.Suspended: "not-here",
		event.BadParity: "not-here", event.OutsideSchedule: "not-now", event.NotYetValid: "not-now",
		event.Expired: "not-now", event.ClockUnset: "not-now", event.PolicyNotLoaded: "not-now",
	} {
		play(t, built, moment{0, refuse(r), []string{says + ":in", "access.denied in R " + string(r) + " badge"}})
	}
}

func TestL01UnlockedDoorIsNeverForced(t *testing.T) {
	play(t, built,
		moment{0, SetMode{Unlocked, "schedule"}, []string{"RELEASE", "mode.changed unlocked: schedule", "door.unlocked mode"}},
		moment{10 * sec, opens, []string{"door.opened mode"}},
		moment{100 * sec, Tick{}, nil},
		moment{100 * sec, closes, []string{"door.closed closed"}},
		moment{101 * sec, opens, []string{"door.opened mode"}},
		moment{102 * sec, SetMode{Secure, "schedule"}, []string{"LOCK", "mode.changed secure: schedule", "door.locked mode"}},
		moment{122 * sec, Tick{}, []string{"door.held timeout"}},
		moment{123 * sec, closes, []string{"door.closed closed", "door.held_cleared closed"}},
		moment{124 * sec, opens, []string{"door.opened forced", "door.forced forced"}},
	)
}

func TestL03LongerReleaseIsNotForced(t *testing.T) {
	m := play(t, built,
		moment{0, grant("A").slow(), []string{"RELEASE", "welcome:in", "access.granted in A granted badge", "door.unlocked in A badge"}},
		moment{29 * sec, opens, []string{"door.opened badge", "access.entered in A badge"}},
		moment{30 * sec, Tick{}, []string{"LOCK", "door.locked timeout"}},
		moment{58 * sec, Tick{}, nil},
		moment{59 * sec, Tick{}, []string{"door.held timeout"}},
	)
	if s := m.Status(); s.Forced || !s.Held {
		t.Errorf("status %+v", s)
	}
}

func TestL04OneGrantOneOpening(t *testing.T) {
	play(t, built,
		moment{0, grant("A"), []string{"RELEASE", "welcome:in", "access.granted in A granted badge", "door.unlocked in A badge"}},
		moment{1 * sec, opens, []string{"door.opened badge", "access.entered in A badge"}},
		moment{2 * sec, closes, []string{"LOCK", "door.closed closed", "door.locked closed"}},
		moment{3 * sec, opens, []string{"door.opened forced", "door.forced forced"}},
		moment{4 * sec, closes, []string{"door.closed closed", "door.forced_cleared closed"}},
	)
}

func TestL05CourtesyTapAtAnOpenDoor(t *testing.T) {
	play(t, built,
		moment{0, grant("A"), []string{"RELEASE", "welcome:in", "access.granted in A granted badge", "door.unlocked in A badge"}},
		moment{1 * sec, opens, []string{"door.opened badge", "access.entered in A badge"}},
		moment{2 * sec, grant("B"), []string{"welcome:in", "access.granted in B granted badge", "access.entered in B door_open"}},
		moment{3 * sec, closes, []string{"LOCK", "door.closed closed", "door.locked closed"}},
		moment{60 * sec, Tick{}, nil},
	)
}

func TestL06ForcedDoorBecomesHeld(t *testing.T) {
	play(t, built,
		moment{0, opens, []string{"door.opened forced", "door.forced forced"}},
		moment{19 * sec, Tick{}, nil},
		moment{20 * sec, Tick{}, []string{"door.held timeout"}},
		moment{90 * sec, closes, []string{"door.closed closed", "door.forced_cleared closed", "door.held_cleared closed"}},
	)
}

func TestL07OpenAtStartIsReportedAndNotForced(t *testing.T) {
	m := New(built)
	run(t, m,
		moment{0, opens, []string{"door.opened start"}},
		moment{0, REX{Active: true, First: true}, []string{"rex.pressed out start"}},
		moment{1 * sec, SetMode{Secure, "start"}, []string{"LOCK", "door.locked start"}},
		moment{20 * sec, Tick{}, []string{"door.held timeout"}},
		moment{21 * sec, closes, []string{"door.closed closed", "door.held_cleared closed"}},
	)
}

func TestL13ContactIsLevelNotToggle(t *testing.T) {
	play(t, built,
		moment{0, opens, []string{"door.opened forced", "door.forced forced"}},
		moment{1 * sec, opens, nil},
		moment{2 * sec, closes, []string{"door.closed closed", "door.forced_cleared closed"}},
		moment{3 * sec, closes, nil},
		moment{4 * sec, opens, []string{"door.opened forced", "door.forced forced"}},
	)
}

func TestL18EachMoveOfTheLockHasItsCause(t *testing.T) {
	play(t, built,
		moment{0, REX{Active: true}, []string{"RELEASE", "rex.pressed out rex", "door.unlocked out rex"}},
		moment{1 * sec, opens, []string{"door.opened rex", "access.entered out rex"}},
		moment{2 * sec, closes, []string{"LOCK", "door.closed closed", "door.locked closed"}},
		moment{3 * sec, REX{}, nil},
		moment{4 * sec, SetMode{Unlocked, "operator ana"}, []string{"RELEASE", "mode.changed unlocked: operator ana", "door.unlocked mode"}},
		moment{5 * sec, SetMode{Secure, "operator ana"}, []string{"LOCK", "mode.changed secure: operator ana", "door.locked mode"}},
		moment{6 * sec, grant("A"), []string{"RELEASE", "welcome:in", "access.granted in A granted badge", "door.unlocked in A badge"}},
		moment{7 * sec, Stop{}, []string{"LOCK", "access.not_entered in A stop", "door.locked stop"}},
		moment{8 * sec, grant("A"), []string{"not-now:in", "access.denied in A door_disabled badge"}},
	)
}

func TestREX(t *testing.T) {
	t.Run("a stuck button releases once", func(t *testing.T) {
		play(t, built,
			moment{0, REX{Active: true}, []string{"RELEASE", "rex.pressed out rex", "door.unlocked out rex"}},
			moment{4 * sec, REX{Active: true}, nil},
			moment{5 * sec, Tick{}, []string{"LOCK", "door.locked timeout"}},
			moment{6 * sec, Tick{}, nil},
		)
	})
	t.Run("at an open door it is no passage", func(t *testing.T) {
		play(t, built,
			moment{0, grant("A"), []string{"RELEASE", "welcome:in", "access.granted in A granted badge", "door.unlocked in A badge"}},
			moment{1 * sec, opens, []string{"door.opened badge", "access.entered in A badge"}},
			moment{2 * sec, REX{Active: true}, []string{"rex.pressed out rex"}},
			moment{3 * sec, closes, []string{"LOCK", "door.closed closed", "door.locked closed"}},
		)
	})
	t.Run("in lockdown it lets out", func(t *testing.T) {
		play(t, built,
			moment{0, SetMode{Lockdown, "operator"}, []string{"mode.changed lockdown: operator"}},
			moment{1 * sec, grant("A"), []string{"not-now:in", "access.denied in A lockdown badge"}},
			moment{2 * sec, REX{Active: true}, []string{"RELEASE", "rex.pressed out rex", "door.unlocked out rex"}},
		)
	})
}

func TestGrantsOnTopOfEachOther(t *testing.T) {
	t.Run("both sides pass in one opening", func(t *testing.T) {
		play(t, built,
			moment{0, grant("A"), []string{"RELEASE", "welcome:in", "access.granted in A granted badge", "door.unlocked in A badge"}},
			moment{2 * sec, grant("B").out(), []string{"welcome:out", "access.granted out B granted badge"}},
			moment{5 * sec, Tick{}, nil},
			moment{5*sec + Settle/2, opens, []string{"door.opened badge", "access.entered in A badge", "access.entered out B badge"}},
			moment{6 * sec, closes, []string{"LOCK", "door.closed closed", "door.locked closed"}},
		)
	})
	t.Run("the later extends", func(t *testing.T) {
		play(t, built,
			moment{0, grant("A"), []string{"RELEASE", "welcome:in", "access.granted in A granted badge", "door.unlocked in A badge"}},
			moment{4 * sec, grant("B"), []string{"welcome:in", "access.granted in B granted badge"}},
			moment{8 * sec, opens, []string{"access.not_entered in A timeout", "door.opened badge", "access.entered in B badge"}},
		)
	})
	t.Run("the same badge again is one person", func(t *testing.T) {
		play(t, built,
			moment{0, grant("A"), []string{"RELEASE", "welcome:in", "access.granted in A granted badge", "door.unlocked in A badge"}},
			moment{4 * sec, grant("A"), []string{"welcome:in", "access.granted in A granted badge"}},
			moment{8 * sec, opens, []string{"door.opened badge", "access.entered in A badge"}},
		)
	})
	t.Run("bounded", func(t *testing.T) {
		m := play(t, built)
		var last []Action
		for i := range maxPending + 1 {
			last = m.Step(start, grant(fmt.Sprint("P", i)))
		}
		if got := say(last[len(last)-1]); got != "access.not_entered in P0 overtaken" || len(m.pending) != maxPending {
			t.Errorf("%q, %d wait", got, len(m.pending))
		}
	})
}

func TestWithoutContact(t *testing.T) {
	c := built
	c.Contact = false
	play(t, c,
		moment{0, grant("A"), []string{"RELEASE", "welcome:in", "access.granted in A granted badge", "door.unlocked in A badge", "access.entered in A assumed"}},
		moment{5 * sec, Tick{}, []string{"LOCK", "door.locked timeout"}},
		moment{6 * sec, Tick{}, nil},
	)
}

func TestContactLost(t *testing.T) {
	play(t, built,
		moment{0, grant("A"), []string{"RELEASE", "welcome:in", "access.granted in A granted badge", "door.unlocked in A badge"}},
		moment{1 * sec, ContactLost{}, nil},
		moment{6 * sec, Tick{}, []string{"LOCK", "door.locked timeout", "access.entered in A assumed"}},
		moment{7 * sec, grant("B"), []string{"RELEASE", "welcome:in", "access.granted in B granted badge", "door.unlocked in B badge", "access.entered in B assumed"}},
		moment{8 * sec, opens, []string{"door.opened assumed"}},
		moment{9 * sec, closes, []string{"LOCK", "door.closed closed", "door.locked closed"}},
	)
}

func TestFireSuppressesAlarms(t *testing.T) {
	play(t, built,
		moment{0, Fire{Active: true}, nil},
		moment{1 * sec, opens, []string{"door.opened fire"}},
		moment{60 * sec, Fire{}, nil},
		moment{80 * sec, Tick{}, []string{"door.held timeout"}},
	)
}

func TestReadersSoundBeforeHeld(t *testing.T) {
	c := built
	c.Warn = 5 * sec
	quiet := []string{"quiet:in", "quiet:out"}
	play(t, c,
		moment{0, grant("A"), []string{"RELEASE", "welcome:in", "access.granted in A granted badge", "door.unlocked in A badge"}},
		moment{1 * sec, opens, []string{"door.opened badge", "access.entered in A badge"}},
		moment{16 * sec, Tick{}, []string{"LOCK", "door.locked timeout", "close-it:in", "close-it:out"}},
		moment{20 * sec, closes, append(quiet, "door.closed closed")},
		moment{30 * sec, grant("A"), []string{"RELEASE", "welcome:in", "access.granted in A granted badge", "door.unlocked in A badge"}},
		moment{31 * sec, opens, []string{"door.opened badge", "access.entered in A badge"}},
		moment{51 * sec, Tick{}, []string{"LOCK", "door.locked timeout", "close-it:in", "close-it:out", "door.held timeout"}},
		moment{60 * sec, closes, append(quiet, "door.closed closed", "door.held_cleared closed")},
	)
}

func TestFireReleasesWhereItIsConfigured(t *testing.T) {
	c := built
	c.FireRelease = true
	m := play(t, c,
		moment{0, SetMode{Lockdown, "command: ana"}, []string{"mode.changed lockdown: command: ana"}},
		moment{1 * sec, Fire{true}, []string{"RELEASE", "door.unlocked fire"}},
		moment{2 * sec, opens, []string{"door.opened fire"}},
		moment{90 * sec, closes, []string{"door.closed closed"}},
		moment{91 * sec, SetMode{Secure, "command: ana"}, []string{"mode.changed secure: command: ana"}},
		moment{92 * sec, Fire{}, []string{"LOCK", "door.locked fire"}},
	)
	m.Configure(Config{Release: sec}) // not what the door is built like
	run(t, m, moment{100 * sec, Fire{true}, []string{"RELEASE", "door.unlocked fire"}})
}

func TestL18CommandOpensOnce(t *testing.T) {
	play(t, built,
		moment{0, Open{Cause: "command: ana"}, []string{"RELEASE", "command.accepted command: ana", "door.unlocked command: ana"}},
		moment{1 * sec, opens, []string{"door.opened command: ana"}},
		moment{2 * sec, closes, []string{"LOCK", "door.closed closed", "door.locked closed"}},
		moment{3 * sec, opens, []string{"door.opened forced", "door.forced forced"}},
		moment{4 * sec, SetMode{Lockdown, "x"}, []string{"mode.changed lockdown: x"}},
		moment{5 * sec, Open{Cause: "command: ana"}, []string{"command.refused lockdown command: ana"}},
	)
}

func TestLockdownAndItsExemptions(t *testing.T) {
	play(t, built,
		moment{0, SetMode{Lockdown, "x"}, []string{"mode.changed lockdown: x"}},
		moment{1 * sec, grant("A"), []string{"not-now:in", "access.denied in A lockdown badge"}}, // decided before the lockdown
		moment{2 * sec, exempt("E"), []string{"RELEASE", "welcome:in", "access.granted in E granted badge", "door.unlocked in E badge"}},
	)
}

func TestTwoPersonsAreTwoPassages(t *testing.T) {
	for _, mode := range []Mode{Secure, CardAndPIN, FreeAccess} {
		m := New(built)
		m.Step(start, Contact{})
		m.Step(start, SetMode{mode, "schedule"})
		run(t, m,
			moment{0, refuse(event.SecondPerson), []string{"go-on:in", "access.denied in R second_person_needed badge"}},
			moment{1 * sec, pair("B", "A"), []string{"RELEASE", "welcome:in", "access.granted in A granted badge", "door.unlocked in A badge", "access.granted in B granted badge"}},
			moment{2 * sec, opens, []string{"door.opened badge", "access.entered in A badge", "access.entered in B badge"}},
		)
	}
}

func TestDuressAndNotices(t *testing.T) {
	d := grant("A")
	d.Decision.Duress, d.Decision.Reason, d.Decision.Notify = true, event.Duress, policy.NoticeAntipassback
	play(t, built, moment{0, d, []string{"RELEASE", "welcome:in", "access.granted in A duress badge",
		"access.notice in A antipassback badge", "access.duress in A duress badge", "door.unlocked in A badge"}})
}
