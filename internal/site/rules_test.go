package site

import (
	"testing"
	"time"
)

var ruleProblems = []broken{
	{"reset", "time_zone: Europe/Belgrade", "time_zone: Europe/Belgrade\n    reset: 4:00", []string{
		`d.yaml:7:12: reset is "4:00", expected a local time such as 04:00`,
	}},
	{"period", "release: 20s", "rules: {periods: [{schedule: Office hours, mode: unlockd}, {schedule: always, mode: unlocked, first_person: true}, {mode: secure, first_person: true}]}", []string{
		`d.yaml:45:38: door "inner": rules: the schedule of a period is "Office hours", expected the id of a schedule, which has only a-z, 0-9, - and _`,
		`d.yaml:45:58: door "inner": rules: the mode of a period is "unlockd" (did you mean "unlocked"?); allowed are secure, card_and_pin, free_access, unlocked, lockdown, disabled`,
		`d.yaml:45:117: door "inner": rules: first_person with mode "unlocked" and schedule "always", expected free_access or unlocked, and a schedule that begins and ends`,
		`d.yaml:45:124: door "inner": rules: the schedule of a period is "", expected the id of a schedule, which has only a-z, 0-9, - and _`,
		`d.yaml:45:153: door "inner": rules: first_person with mode "secure" and schedule "", expected free_access or unlocked, and a schedule that begins and ends`,
	}},
	{"waiting", "release: 20s", "rules: {two_person: 10m, escort: 1500ms}", []string{
		`d.yaml:45:29: door "inner": rules: two_person is 10m0s, expected whole seconds from 1s to 5m0s`,
		`d.yaml:45:42: door "inner": rules: escort is 1.5s, expected whole seconds from 1s to 5m0s`,
	}},
	{"way in without reader", "        entry: inner-entry\n", "        rules: {two_person: 15s}\n", []string{
		`d.yaml:43:29: door "inner": rules: two_person and escort are about the way in, which has no reader: expected an entry`,
		`d.yaml:69:18: reader "inner-entry" belongs to no door of building house: name it at a door, or remove it`,
	}},
	{"security", "release: 20s", "rules: {security: high}", []string{
		`d.yaml:45:27: door "inner": rules: security is "high"; allowed are number, secret`,
	}},
	{"anti-passback of no kind", "release: 20s", "rules: {antipassback: {kind: strict, for: 5m}}", []string{
		`d.yaml:45:38: door "inner": rules: antipassback is "strict"; allowed are soft, hard, timed`,
		`d.yaml:45:51: door "inner": rules: antipassback is strict with for 5m0s, expected for with timed, and only there`,
	}},
	{"timed without time", "release: 20s", "rules: {antipassback: {kind: timed}}", []string{
		`d.yaml:45:31: door "inner": rules: antipassback is timed with for 0s, expected for with timed, and only there`,
		`d.yaml:45:31: door "inner": rules: antipassback is timed, and the door has no contact: who does not pass after a grant would count as inside; expected a contact, or soft`,
	}},
	{"hard without contact", "release: 20s", "rules: {antipassback: {kind: hard}}", []string{
		`d.yaml:45:31: door "inner": rules: antipassback is hard, and the door has no contact: who does not pass after a grant would count as inside; expected a contact, or soft`,
	}},
	{"hard where nobody counts", "counter: main-counter\n", "rules: {antipassback: {kind: hard}}\n        counter: main-counter\n", []string{
		`d.yaml:34:31: door "main": rules: antipassback is hard, and door main of zone hall has no reader on one of its sides: who leaves unseen would be refused; expected soft`,
	}},
	{"occupancy", "capacity: {m2_per_person: 10, assumed: true}", "capacity: {m2_per_person: 10, assumed: true}\n        occupancy: {limit: 0, action: refuse}", []string{
		`d.yaml:21:28: zone office: occupancy: limit is 0, expected 1 or more`,
		`d.yaml:21:39: zone office: occupancy: action is "refuse"; allowed are notify, deny`,
	}},
	{"occupancy where nobody counts", "capacity: {people: 40}", "capacity: {people: 40}\n        occupancy: {action: deny}", []string{
		`d.yaml:15:20: zone hall: occupancy: door main of zone hall has no reader on one of its sides: nobody could count`,
	}},
	{"interlock alone", "release: 20s", "rules: {interlock: airlock}", []string{
		`d.yaml:45:28: door "inner": rules: interlock "airlock" has no other door, expected at least two doors of the group`,
	}},
	{"interlock across gateways", "release: 20s\n", "rules: {interlock: airlock}\n      - id: main-two\n        rules: {interlock: airlock}\n        mode: unlocked\n        gateway: gw-one\n", []string{
		`d.yaml:46:9: door main-two: found the name "" in Serbian and "" in English, expected both: {sr: …, en: …}`,
		`d.yaml:46:9: door "main-two": from is missing; zones of building house are hall, office, outside`,
		`d.yaml:46:9: door "main-two": to is missing; zones of building house are hall, office, outside`,
		`d.yaml:46:9: door "main-two": fail is ""; allowed are secure (locked without power) and safe (open without power)`,
		`d.yaml:46:9: door "main-two" has no lock: the output that unlocks it`,
		`d.yaml:46:9: door "main-two" has no reader: expected entry, exit or both`,
		`d.yaml:46:9: door "main-two" has neither an exit reader nor a rex: everybody who leaves would be taken for an intruder`,
		`d.yaml:47:28: door "main-two": rules: interlock "airlock": door inner of the group hangs on gateway gw-two, expected one gateway for the group`,
		`d.yaml:47:28: door "main-two": rules: interlock "airlock", and the door is unlocked at times: the others of the group would not open then`,
	}},
	{"fire", "fail: safe", "fail: safe\n        on_fire: open\n        held_warning: 20s", []string{
		`d.yaml:43:18: door "inner": on_fire is "open"; allowed are release`,
		`d.yaml:44:23: door "inner": held_warning is 20s, expected 1s to 15s`,
	}},
	{"fire input", "model: pi4", "model: pi4\n        fire: main-contact\n        tamper: tamper-one", []string{
		`d.yaml:31:18: door "main": contact is the input "main-contact", which is already in use as fire of gateway "gw-one"`,
		`d.yaml:51:17: gateway "gw-one": tamper is the unknown input "tamper-one"; inputs of gateway gw-one are main-contact, main-rex, beam-outer, beam-inner`,
	}},
	{"reader's tamper", "formats: [wiegand-37]", "formats: [wiegand-37], tamper: main-rex", []string{
		`d.yaml:70:61: reader "inner-exit": tamper is the input "main-rex" of gateway gw-one, expected one of gateway gw-two: what works together hangs on the same gateway`,
	}},
}

func TestRuleProblems(t *testing.T) {
	for _, c := range ruleProblems {
		c.golden(t, small, func(src []byte) error {
			_, err := parseDistrict("d.yaml", src)
			return err
		})
	}
}

func TestRulesAreRead(t *testing.T) {
	text := edit(t, small, "release: 20s", `held_warning: 3s
        on_fire: release
        mode: card_and_pin
        rules:
          periods:
            - {schedule: office-hours, mode: free_access, first_person: true}
            - {schedule: night, mode: lockdown}
          antipassback: {kind: soft}
          two_person: 15s
          escort: 30s
          security: number
          clock_unset: true`)
	text = edit(t, text, "capacity: {m2_per_person: 10, assumed: true}", "capacity: {m2_per_person: 10, assumed: true}\n        occupancy: {action: deny}")
	text = edit(t, text, "time_zone: Europe/Belgrade", "time_zone: Europe/Belgrade\n    reset: 04:00")
	d, err := parseDistrict("d.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	b := d.Buildings[0]
	r := b.Door("inner").Rules
	if len(r.Periods) != 2 || *r.Periods[0] != (Period{"office-hours", FreeAccess, true}) || *r.Periods[1] != (Period{"night", Lockdown, false}) ||
		r.Antipassback != (Antipassback{Kind: "soft"}) || r.TwoPerson != 15*time.Second || r.Escort != 30*time.Second || r.Security != "number" || !r.ClockUnset {
		t.Errorf("rules %+v", r)
	}
	if o := b.Zone("office").Occupancy; o != (Occupancy{3, "deny"}) || b.Zone("hall").Occupancy != (Occupancy{}) {
		t.Errorf("occupancy %+v", o)
	}
	if d := b.Door("inner"); b.Reset.Minute() != 240 || d.HeldWarning != 3*time.Second || d.OnFire != OnFireRelease || b.Door("main").HeldWarning != 5*time.Second {
		t.Errorf("reset %d, warning %v", b.Reset.Minute(), d.HeldWarning)
	}
}
