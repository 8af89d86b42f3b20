package site

import (
	"strings"
	"testing"
)

// small is the least district that has one of everything.
const small = `name: {sr: Дистрикт, en: District}
buildings:
  - id: house
    name: {sr: Кућа, en: House}
    city: {sr: Београд, en: Belgrade}
    time_zone: Europe/Belgrade
    floors:
      - {id: ground, name: {sr: Приземље, en: Ground}, width: 20, height: 10}
    zones:
      - id: hall
        name: {sr: Хала, en: Hall}
        floor: ground
        area_m2: 100
        capacity: {people: 40}
        shape: {polygon: [[0, 0], [10, 0], [10, 10], [0, 10]]}
      - id: office
        name: {sr: Канцеларија, en: Office}
        floor: ground
        area_m2: 39.9
        capacity: {m2_per_person: 10, assumed: true}
        shape: {sector: {centre: [15, 5], inner: 0, outer: 5, from: -90, to: 90}}
    doors:
      - id: main
        name: {sr: Улаз, en: Entrance}
        gateway: gw-one
        from: outside
        to: hall
        position: [5, 10]
        lock: main-lock
        fail: secure
        contact: main-contact
        rex: main-rex
        entry: main-entry
        counter: main-counter
      - id: inner
        name: {sr: Врата, en: Door}
        gateway: gw-two
        from: hall
        to: office
        position: [15, 5]
        lock: inner-lock
        fail: safe
        entry: inner-entry
        exit: inner-exit
        release: 20s
    gateways:
      - id: gw-one
        name: {sr: Један, en: One}
        model: pi4
        readers:
          - {id: main-entry, formats: [wiegand-26], led: main-led}
        inputs:
          - {id: main-contact, active: high}
          - {id: main-rex}
          - {id: beam-outer}
          - {id: beam-inner, debounce: 5ms}
        outputs:
          - {id: main-lock}
          - {id: main-led}
        counters:
          - {id: main-counter, outer: beam-outer, inner: beam-inner}
        sensors:
          - {id: hall-air, zone: hall, chip: scd4x}
          - {id: hall-climate, zone: hall, chip: bme280, every: 30s}
      - id: gw-two
        name: {sr: Два, en: Two}
        model: pi5
        readers:
          - {id: inner-entry, formats: [wiegand-26, wiegand-37]}
          - {id: inner-exit, formats: [wiegand-37]}
        outputs:
          - {id: inner-lock}
`

// smallWiring is the wiring of gw-one of small.
const smallWiring = `building: house
gateway: gw-one
chip: pinctrl-bcm2711
readers:
  main-entry: {d0: GPIO4, d1: GPIO17}
inputs:
  main-contact: {line: GPIO5, pull: up}
  main-rex: {line: GPIO6, pull: up}
  beam-outer: {line: GPIO7, pull: none}
  beam-inner: {line: GPIO8, pull: down}
outputs:
  main-lock: {line: GPIO26, active_low: true}
  main-led: {line: GPIO27}
sensors:
  hall-air: {i2c: /dev/i2c-1, address: 0x62}
  hall-climate: {i2c: 1, address: 0x76}
`

func district(t testing.TB) *District {
	t.Helper()
	d, err := parseDistrict("small.yaml", []byte(small))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// edit replaces the only place of old by new.
func edit(t *testing.T, text, old, new string) string {
	t.Helper()
	if n := strings.Count(text, old); n != 1 {
		t.Fatalf("%q is in the fixture %d times, expected once", old, n)
	}
	return strings.Replace(text, old, new, 1)
}
