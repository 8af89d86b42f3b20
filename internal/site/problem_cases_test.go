package site

var districtProblems = []broken{
	{"unknown key", "to: hall", "too: hall", []string{
		`d.yaml:23:9: door "main": to is missing; zones of building house are hall, office, outside`,
		`d.yaml:27:9: unknown key "too" (did you mean "to"?); keys allowed here are id, name, gateway, from, to, position, public, mode, rules, lock, fail, contact, rex, entry, exit, counter, release, extended, held_after, held_warning, on_fire`,
	}},
	{"unknown zone", "to: hall", "to: hal", []string{
		`d.yaml:27:13: door "main": to is the unknown zone "hal" (did you mean "hall"?); zones of building house are hall, office, outside`,
	}},
	{"unknown gateway", "gateway: gw-two", "gateway: gw-tow", []string{
		`d.yaml:37:18: door "inner": unknown gateway "gw-tow" (did you mean "gw-two"?); gateways of building house are gw-one, gw-two`,
	}},
	{"unknown floor", "zones:\n      - id: hall\n        name: {sr: Хала, en: Hall}\n        floor: ground", "zones:\n      - id: hall\n        name: {sr: Хала, en: Hall}\n        floor: grond", []string{
		`d.yaml:12:16: zone hall: unknown floor "grond" (did you mean "ground"?); floors of building house are ground`,
	}},
	{"unknown lock", "lock: main-lock", "lock: main-look", []string{
		`d.yaml:29:15: door "main": lock is the unknown output "main-look" (did you mean "main-lock"?); outputs of gateway gw-one are main-lock, main-led`,
	}},
	{"lock is a reader", "lock: main-lock", "lock: main-entry", []string{
		`d.yaml:29:15: door "main": lock is "main-entry", which is of the kind reader, expected output; outputs of gateway gw-one are main-lock, main-led`,
	}},
	{"reader of another gateway", "exit: inner-exit", "exit: main-entry", []string{
		`d.yaml:44:15: door "inner": exit is the reader "main-entry" of gateway gw-one, expected one of gateway gw-two: what works together hangs on the same gateway`,
		`d.yaml:70:18: reader "inner-exit" belongs to no door of building house: name it at a door, or remove it`,
	}},
	{"reader twice", "exit: inner-exit", "exit: inner-entry", []string{
		`d.yaml:44:15: door "inner": exit is the reader "inner-entry", which is already in use as entry of door "inner"`,
		`d.yaml:70:18: reader "inner-exit" belongs to no door of building house: name it at a door, or remove it`,
	}},
	{"unknown mode", "lock: main-lock", "mode: open\n        lock: main-lock", []string{
		`d.yaml:29:15: door "main": mode is "open"; allowed are secure, card_and_pin, free_access, unlocked, lockdown, disabled`,
	}},
	{"contact twice", "rex: main-rex", "rex: main-contact", []string{
		`d.yaml:32:14: door "main": rex is the input "main-contact", which is already in use as contact of door "main"`,
	}},
	{"beam is a contact", "outer: beam-outer", "outer: main-contact", []string{
		`d.yaml:31:18: door "main": contact is the input "main-contact", which is already in use as outer of counter "main-counter"`,
	}},
	{"counter without inner", ", inner: beam-inner}", "}", []string{
		`d.yaml:61:13: counter "main-counter" has no inner: the input of the barrier on the inner side`,
	}},
	{"led is a lock", "led: main-led", "led: main-lock", []string{
		`d.yaml:29:15: door "main": lock is the output "main-lock", which is already in use as led of reader "main-entry"`,
	}},
	{"duplicate zone", "- id: office", "- id: hall", []string{
		`d.yaml:16:13: zone "hall" is there twice; the first is in line 10`,
		`d.yaml:39:13: door "inner": to is the unknown zone "office"; zones of building house are hall, outside`,
	}},
	{"duplicate device", "{id: beam-outer}", "{id: main-lock}", []string{
		`d.yaml:29:15: door "main": lock is "main-lock", which is of the kind input, expected output; outputs of gateway gw-one are main-led`,
		`d.yaml:58:18: output "main-lock" is there twice; the first is in line 55`,
		`d.yaml:61:39: counter "main-counter": outer is the unknown input "beam-outer" (did you mean "beam-inner"?); inputs of gateway gw-one are main-contact, main-rex, main-lock, beam-inner`,
	}},
	{"duplicate key", "        model: pi4", "        model: pi4\n        model: pi5", []string{
		`d.yaml:50:9: key "model" is given twice; the first is in line 49`,
	}},
	{"bad id", "- id: office", "- id: Office 1", []string{
		`d.yaml:16:13: zone "Office 1": an id has only a-z, 0-9 and -, at most 40 characters`,
		`d.yaml:39:13: door "inner": to is the unknown zone "office"; zones of building house are hall, Office 1, outside`,
	}},
	{"no id", "{id: main-led}", "{}", []string{
		`d.yaml:51:58: reader "main-entry": led is the unknown output "main-led"; outputs of gateway gw-one are main-lock`,
		`d.yaml:59:13: output without an id`,
	}},
	{"zone outside", "- id: office", "- id: outside", []string{
		`d.yaml:16:13: a zone cannot be called "outside": that is everything outside of the building`,
		`d.yaml:39:13: door "inner": to is the unknown zone "office"; zones of building house are hall, outside`,
	}},
	{"one zone twice", "to: office", "to: hall", []string{
		`d.yaml:39:13: door "inner" leads from hall to hall, expected two different zones`,
	}},
	{"no position", "        position: [15, 5]\n", "", []string{
		`d.yaml:35:9: door "inner" has no position: [x, y] in metres on the plan of floor ground`,
	}},
	{"position off the plan", "position: [15, 5]", "position: [15, 50]", []string{
		`d.yaml:40:19: door "inner": position [15 50] is outside of the plan of floor ground, which is 20 wide and 10 high`,
	}},
	{"position of three", "position: [15, 5]", "position: [15, 5, 1]", []string{
		`d.yaml:40:19: found a list of 3, expected a point [x, y] in metres`,
	}},
	{"polygon of two points", "[[0, 0], [10, 0], [10, 10], [0, 10]]", "[[0, 0], [10, 0]]", []string{
		`d.yaml:15:26: zone hall: a polygon of 2 points, expected at least 3`,
	}},
	{"polygon off the plan", "[10, 10], [0, 10]]", "[10, 10.5], [0, 10]]", []string{
		`d.yaml:15:16: zone hall reaches from [0 0] to [10 10.5] m, outside of the plan of floor ground, which is 20 wide and 10 high`,
	}},
	{"polygon without area", "[[0, 0], [10, 0], [10, 10], [0, 10]]", "[[0, 0], [5, 5], [10, 10]]", []string{
		`d.yaml:15:26: zone hall: the polygon crosses or touches itself, expected its points in order around the zone`,
	}},
	{"polygon that crosses itself", "[[0, 0], [10, 0], [10, 10], [0, 10]]", "[[0, 0], [10, 0], [0, 10], [10, 9]]", []string{
		`d.yaml:15:26: zone hall: the polygon crosses or touches itself, expected its points in order around the zone`,
	}},
	{"sector off the plan", "centre: [15, 5]", "centre: [16, 5]", []string{
		`d.yaml:21:16: zone office reaches from [16 0] to [21 10] m, outside of the plan of floor ground, which is 20 wide and 10 high`,
	}},
	{"sector inside out", "inner: 0, outer: 5", "inner: 5, outer: 5", []string{
		`d.yaml:21:25: zone office: a sector from inner 5 to outer 5 m, expected 0 ≤ inner < outer`,
	}},
	{"sector of no angle", "from: -90, to: 90", "from: 90, to: 90", []string{
		`d.yaml:21:25: zone office: a sector from 90 to 90 degrees, expected -360 ≤ from < to ≤ from + 360`,
	}},
	{"no shape", "        shape: {sector: {centre: [15, 5], inner: 0, outer: 5, from: -90, to: 90}}\n", "", []string{
		`d.yaml:16:9: zone office: a shape is a polygon or a sector, expected exactly one of them`,
	}},
	{"two capacities", "{people: 40}", "{people: 40, m2_per_person: 2}", []string{
		`d.yaml:14:19: zone hall: found people 40 and m2_per_person 2, expected exactly one of them, more than 0`,
	}},
	{"assumption not said", "m2_per_person: 10, assumed: true", "m2_per_person: 10", []string{
		`d.yaml:20:19: zone office: a capacity from m2_per_person is an assumption: write assumed: true, or state people`,
	}},
	{"room for nobody", "m2_per_person: 10", "m2_per_person: 50", []string{
		`d.yaml:20:19: zone office: 39.9 m² by 50 m² per person is room for nobody, expected at least one`,
	}},
	{"no area", "area_m2: 39.9", "area_m2: .nan", []string{
		`d.yaml:19:18: found ".nan", expected a number`,
	}},
	{"unknown format", "[wiegand-26, wiegand-37]", "[weigand-26, wiegand-37]", []string{
		`d.yaml:69:41: reader "inner-entry": format is "weigand-26" (did you mean "wiegand-26"?); allowed are ` + everyFormat,
	}},
	{"formats of one length", "[wiegand-26, wiegand-37]", "[wiegand-37-h10302, wiegand-37]", []string{
		`d.yaml:69:60: reader "inner-entry": formats wiegand-37-h10302 and wiegand-37 both have 37 bits, expected one format for each length`,
	}},
	{"no format", "formats: [wiegand-37]", "formats: []", []string{
		`d.yaml:70:39: reader "inner-exit" has no formats; allowed are ` + everyFormat,
	}},
	{"unknown chip", "chip: scd4x", "chip: scd41", []string{
		`d.yaml:63:46: sensor "hall-air": chip is "scd41" (did you mean "scd4x"?); allowed are bme280, bme680, ds18b20, ld2410, leak, pir, scd4x, sht4x`,
	}},
	{"unknown model", "model: pi4", "model: pi-4", []string{
		`d.yaml:49:16: gateway "gw-one": model is "pi-4" (did you mean "pi4"?); allowed are pi3, pi4, pi5, zero2`,
	}},
	{"counter of an unknown chip", "{id: main-counter, outer: beam-outer, inner: beam-inner}", "{id: main-counter, chip: vl53l0x}", []string{
		`d.yaml:61:38: counter "main-counter": chip is "vl53l0x" (did you mean "vl53l1x"?); allowed are vl53l1x`,
	}},
	{"counter with a chip and barriers", "{id: main-counter, outer", "{id: main-counter, chip: vl53l1x, outer", []string{
		`d.yaml:61:54: counter "main-counter" has a chip and light barriers, expected one of them`,
	}},
	{"sensor outside", "zone: hall, chip: scd4x", "zone: outside, chip: scd4x", []string{
		`d.yaml:63:34: sensor "hall-air": zone is the unknown zone "outside"; zones of building house are hall, office`,
	}},
	{"too often", "every: 30s", "every: 30ms", []string{
		`d.yaml:64:65: sensor "hall-climate": every is 30ms, expected 5s to 1h0m0s`,
	}},
	{"duration without unit", "release: 20s", "release: 20", []string{
		`d.yaml:45:18: found "20", expected a duration with its unit, such as 5s or 20ms`,
	}},
	{"release of zero", "release: 20s", "release: 0s", []string{
		`d.yaml:45:18: door "inner": release is 0s, expected 1s to 1m0s`,
	}},
	{"extended too short", "release: 20s", "release: 20s\n        extended: 10s", []string{
		`d.yaml:46:19: door "inner": extended is 10s, expected at least release, 20s`,
	}},
	{"bad fail", "fail: safe", "fail: open", []string{
		`d.yaml:42:15: door "inner": fail is "open"; allowed are secure (locked without power) and safe (open without power)`,
	}},
	{"no fail", "        fail: safe\n", "", []string{
		`d.yaml:35:9: door "inner": fail is ""; allowed are secure (locked without power) and safe (open without power)`,
	}},
	{"bad level", "active: high", "active: hi", []string{
		`d.yaml:53:40: input "main-contact": active is "hi"; allowed are high, low`,
	}},
	{"no way out", "        rex: main-rex\n", "", []string{
		`d.yaml:23:9: door "main" has neither an exit reader nor a rex: everybody who leaves would be taken for an intruder`,
	}},
	{"no reader", "        entry: main-entry\n", "", []string{
		`d.yaml:23:9: door "main" has no reader: expected entry, exit or both`,
		`d.yaml:50:18: reader "main-entry" belongs to no door of building house: name it at a door, or remove it`,
	}},
	{"one language", "{sr: Хала, en: Hall}", "{sr: Хала}", []string{
		`d.yaml:11:15: zone hall: found the name "Хала" in Serbian and "" in English, expected both: {sr: …, en: …}`,
	}},
	{"text for a block", "name: {sr: Врата, en: Door}", "name: Врата", []string{
		`d.yaml:36:15: found "Врата", expected a block of keys`,
	}},
	{"null", "{people: 40}", "", []string{
		`d.yaml:14:18: there is no value: expected a block of keys, or leave the key out`,
	}},
	{"anchor", "city: {sr", "city: &c {sr", []string{
		`d.yaml:5:11: anchors, aliases and tags are not read here: write the value out`,
	}},
	{"tab", "    city:", "\tcity:", []string{
		`d.yaml:5:1: not YAML: found character '	' that cannot start any token`,
	}},
}

var wiringProblems = []broken{
	{"unknown building", "building: house", "building: hose", []string{
		`w.yaml:1:11: unknown building "hose" (did you mean "house"?); buildings are house`,
	}},
	{"unknown gateway", "gateway: gw-one", "gateway: gw-won", []string{
		`w.yaml:2:10: unknown gateway "gw-won" (did you mean "gw-one"?); gateways of building house are gw-one, gw-two`,
	}},
	{"gateway of other devices", "gateway: gw-one", "gateway: gw-two", []string{
		`w.yaml:3:7: chip is "pinctrl-bcm2711", expected pinctrl-rp1, the label of the GPIO chip of a pi5, which gateway gw-two is`,
		`w.yaml:5:3: unknown reader "main-entry"; readers of gateway gw-two are inner-entry, inner-exit`,
		`w.yaml:5:3: reader "inner-entry" of gateway gw-two is not wired: write it under readers`,
		`w.yaml:5:3: reader "inner-exit" of gateway gw-two is not wired: write it under readers`,
		`w.yaml:7:3: unknown input "main-contact"; inputs of gateway gw-two are none`,
		`w.yaml:8:3: unknown input "main-rex"; inputs of gateway gw-two are none`,
		`w.yaml:9:3: unknown input "beam-outer"; inputs of gateway gw-two are none`,
		`w.yaml:10:3: unknown input "beam-inner"; inputs of gateway gw-two are none`,
		`w.yaml:12:3: unknown output "main-lock"; outputs of gateway gw-two are inner-lock`,
		`w.yaml:12:3: output "inner-lock" of gateway gw-two is not wired: write it under outputs`,
		`w.yaml:13:3: unknown output "main-led"; outputs of gateway gw-two are inner-lock`,
		`w.yaml:15:3: unknown sensor "hall-air"; sensors of gateway gw-two are none`,
		`w.yaml:16:3: unknown sensor "hall-climate"; sensors of gateway gw-two are none`,
	}},
	{"no chip", "chip: pinctrl-bcm2711\n", "", []string{
		`w.yaml:1:1: chip is "", expected pinctrl-bcm2711, the label of the GPIO chip of a pi4, which gateway gw-one is`,
	}},
	{"chip of another board", "pinctrl-bcm2711", "pinctrl-bcm2835", []string{
		`w.yaml:3:7: chip is "pinctrl-bcm2835", expected pinctrl-bcm2711, the label of the GPIO chip of a pi4, which gateway gw-one is`,
	}},
	{"unknown reader", "main-entry: {d0", "main-enter: {d0", []string{
		`w.yaml:5:3: unknown reader "main-enter" (did you mean "main-entry"?); readers of gateway gw-one are main-entry`,
		`w.yaml:5:3: reader "main-entry" of gateway gw-one is not wired: write it under readers`,
	}},
	{"device not wired", "  main-rex: {line: GPIO6, pull: up}\n", "", []string{
		`w.yaml:7:3: input "main-rex" of gateway gw-one is not wired: write it under inputs`,
	}},
	{"device twice", "  main-rex: {line", "  main-contact: {line", []string{
		`w.yaml:7:3: input "main-rex" of gateway gw-one is not wired: write it under inputs`,
		`w.yaml:8:3: key "main-contact" is given twice; the first is in line 7`,
	}},
	{"section missing", "sensors:\n  hall-air: {i2c: /dev/i2c-1, address: 0x62}\n  hall-climate: {i2c: 1, address: 0x76}\n", "", []string{
		`w.yaml:1:1: sensor "hall-air" of gateway gw-one is not wired: write it under sensors`,
		`w.yaml:1:1: sensor "hall-climate" of gateway gw-one is not wired: write it under sensors`,
	}},
	{"line twice", "line: GPIO27", "line: GPIO17", []string{
		`w.yaml:13:20: output "main-led": line GPIO17 is already taken by reader "main-entry" d1`,
	}},
	{"data lines the same", "d1: GPIO17", "d1: GPIO4", []string{
		`w.yaml:5:31: reader "main-entry" d1: line GPIO4 is already taken by reader "main-entry" d0`,
	}},
	{"line of the bus", "line: GPIO6", "line: GPIO3", []string{
		`w.yaml:8:20: input "main-rex": line GPIO3 is already taken by I²C bus 1`,
	}},
	{"no line", "{line: GPIO27}", "{active_low: false}", []string{
		`w.yaml:13:3: output "main-led" is not connected: expected line, expander or reader, such as line: GPIO17`,
	}},
	{"empty line", "{line: GPIO27}", "{line: ''}", []string{
		`w.yaml:13:20: output "main-led" has no line, expected the kernel's line name such as GPIO17`,
	}},
	{"line by its number", "line: GPIO27", "line: gpio27", []string{
		`w.yaml:13:20: output "main-led": line is "gpio27", expected one of the header: GPIO0 to GPIO27`,
	}},
	{"line of no header", "line: GPIO27", "line: GPIO28", []string{
		`w.yaml:13:20: output "main-led": line is "GPIO28", expected one of the header: GPIO0 to GPIO27`,
	}},
	{"no data line", ", d1: GPIO17", "", []string{
		`w.yaml:5:3: reader "main-entry" d1 has no line, expected the kernel's line name such as GPIO17`,
	}},
	{"bad pull", "pull: down", "pull: dwn", []string{
		`w.yaml:10:35: input "beam-inner": pull is "dwn"; allowed are up, down, none`,
	}},
	{"no pull", "{line: GPIO7, pull: none}", "{line: GPIO7}", []string{
		`w.yaml:9:3: input "beam-outer": pull is ""; allowed are up, down, none`,
	}},
	{"bad reader pull", "d1: GPIO17", "d1: GPIO17, pull: 5V", []string{
		`w.yaml:5:45: reader "main-entry": pull is "5V"; allowed are up, down, none`,
	}},
	{"output with pull", "{line: GPIO27}", "{line: GPIO27, pull: up}", []string{
		`w.yaml:13:28: unknown key "pull"; keys allowed here are line, active_low, expander, pin, reader, terminal`,
	}},
	{"input active low", "{line: GPIO6, pull: up}", "{line: GPIO6, pull: up, active_low: true}", []string{
		`w.yaml:8:37: unknown key "active_low"; keys allowed here are line, pull, expander, pin, loop, reader, terminal`,
	}},
	{"wrong address", "address: 0x62", "address: 0x76", []string{
		`w.yaml:15:40: sensor "hall-air": address is 0x76; allowed for the chip scd4x are 0x62`,
	}},
	{"address twice", "address: 0x62", "address: 0x76, i2c: 1", []string{
		`w.yaml:15:40: sensor "hall-air": address is 0x76; allowed for the chip scd4x are 0x62`,
		`w.yaml:15:46: key "i2c" is given twice; the first is in line 15`,
	}},
	{"address out of range", "address: 0x62", "address: -1", []string{
		`w.yaml:15:40: found "-1", expected a whole number from 0 to 65535`,
	}},
	{"no bus", "i2c: 1, ", "", []string{
		`w.yaml:16:3: sensor "hall-climate" (bme280) is not connected: expected i2c, such as i2c: /dev/i2c-1`,
	}},
	{"bus of no number", "i2c: 1, ", "i2c: /dev/i2c1, ", []string{
		`w.yaml:16:23: sensor "hall-climate": i2c is "/dev/i2c1", expected the I²C bus such as /dev/i2c-1`,
	}},
	{"unknown key", "i2c: 1, ", "i2cc: 1, ", []string{
		`w.yaml:16:3: sensor "hall-climate" (bme280) is not connected: expected i2c, such as i2c: /dev/i2c-1`,
		`w.yaml:16:18: unknown key "i2cc" (did you mean "i2c"?); keys allowed here are i2c, address, onewire, rom, uart, line, pull, active_low`,
	}},
	{"sensor by another way", "i2c: 1, address", "uart: /dev/ttyAMA0, address", []string{
		`w.yaml:16:3: sensor "hall-climate" (bme280) is not connected: expected i2c, such as i2c: /dev/i2c-1`,
	}},
}
