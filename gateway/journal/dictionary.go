package journal

import "github.com/klauspost/compress/s2"

// The dictionaries of packed records, by the number that each record bears, 1 to 255. They are part of the format: not one
// byte of one that was ever written with may change, or records come back as something else. When gateways write other
// words, a new dictionary gets the next number and is written with; those before stay, to be read with.
var dictionaries = [256]*s2.Dict{
	1: s2.MakeDict([]byte(words1), []byte(`{"seq":1,"at":"2026-`)),
}

const newestDictionary = 1

// words1 is what a gateway writes (internal/event, internal/brick, and the causes of gateway and gateway/door): the rarest
// first, for what comes last is found best.
const words1 = `reader.insecure second_person_needed escort_needed interlock wrong_pin pin_needed duress weak_credential ` +
	`clock_unset policy_missing bad_parity unknown_format lockdown disabled door_disabled antipassback occupancy_limit ` +
	`command.accepted command.refused policy.refused reader.tamper clock.stepped clock.synced clock.lost unset held ` +
	`","kind":"journal.dropped","cause":"audit telemetry seq  records were never written; these numbers were reserved and may have been used","prev":"` +
	`","kind":"gateway.started","cause":"version ","prev":"","kind":"gateway.stopped","cause":"stop","prev":"` +
	`","kind":"policy.applied","cause":"version 1,  shards","prev":"` +
	`","kind":"mode.changed","door":"","cause":"secure: unlocked: configuration","prev":"` +
	`","kind":"reader.offline","door":"","side":"in","cause":"","kind":"reader.online","door":"","side":"in","cause":"` +
	`","kind":"input.offline","cause":"","kind":"input.online","cause":"","kind":"input.active","cause":"","kind":"input.normal","cause":"` +
	`","reason":"revoked suspended expired not_yet_valid outside_schedule unknown_badge` +
	`","cause":"overtaken","cause":"door_open","cause":"assumed","cause":"fire","cause":"mode","cause":"start","prev":"` +
	`","kind":"door.forced","door":"","cause":"forced","prev":"","kind":"door.forced_cleared","door":"","cause":"closed","prev":"` +
	`","kind":"door.held","door":"","cause":"timeout","prev":"","kind":"door.held_cleared","door":"","cause":"closed","prev":"` +
	`","kind":"access.not_entered","door":"","side":"out","badge":"","cause":"timeout","prev":"` +
	`"clock":"synced","sensor":"","quantity":"Static_Pressure_Sensor","value":1,"unit":"Pa"}` +
	`","quantity":"Relative_Humidity_Sensor","value":4,"unit":"%"}` +
	`","quantity":"Air_Temperature_Sensor","value":2,"unit":"Cel"}` +
	`","quantity":"CO2_Level_Sensor","value":4,"unit":"[ppm]"}` +
	`","kind":"access.denied","door":"","side":"out","badge":"","reason":"no_access","decided_us":1,"cause":"badge","prev":"` +
	`","kind":"input.counted","door":"","side":"out","cause":"` +
	`","kind":"rex.pressed","door":"","side":"out","cause":"rex","prev":"` +
	`","kind":"door.locked","door":"","cause":"timeout","prev":"","kind":"door.unlocked","door":"","side":"out","cause":"rex","prev":"` +
	`","kind":"door.locked","door":"","cause":"closed","prev":"","kind":"door.closed","door":"","cause":"closed","prev":"` +
	`","kind":"access.entered","door":"","side":"out","badge":"","cause":"badge","prev":"` +
	`","kind":"access.entered","door":"","side":"in","badge":"","cause":"badge","prev":"` +
	`","kind":"door.opened","door":"","cause":"rex","prev":"","kind":"door.opened","door":"","cause":"badge","prev":"` +
	`","kind":"door.unlocked","door":"","side":"in","badge":"","cause":"badge","prev":"` +
	`.000000000Z","clock":"synced","boot":"","kind":"access.granted","door":"","side":"in","badge":"","reason":"granted","decided_us":1,"cause":"badge","prev":"` +
	`{"seq":1,"at":"2026-`
