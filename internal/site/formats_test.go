package site

import (
	"slices"
	"strings"
	"testing"

	"kapija/internal/cardformat"
)

const everyFormat = "wiegand-26, wiegand-32, wiegand-34, wiegand-35, wiegand-36, wiegand-37, wiegand-37-h10302, wiegand-40, " +
	"wiegand-48, wiegand-56, wiegand-64, uid-32, uid-56, uid-80, desfire, ntag424"

const ownFormats = `name: {sr: Дистрикт, en: District}
formats:
  - name: wiegand-own-30
    bits: 30
    facility: {offset: 1, width: 12}
    number: {offset: 13, width: 16}
    parity:
      - Exxxxxxxxxxxx.................
      - .............xxxxxxxxxxxxxxxxO
  - {name: wiegand-own-27, bits: 27, number: {offset: 0, width: 27}}
`

func withFormats(t *testing.T) string {
	return edit(t, small, "name: {sr: Дистрикт, en: District}\n", ownFormats)
}

func TestOwnFormats(t *testing.T) {
	text := edit(t, withFormats(t), "[wiegand-26, wiegand-37]", "[wiegand-own-30, wiegand-own-27, wiegand-37, desfire, uid-56]")
	d, err := parseDistrict("d.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if names := d.Formats.Names(); !slices.Equal(names[len(names)-2:], []string{"wiegand-own-30", "wiegand-own-27"}) {
		t.Errorf("the district knows %v", names)
	}
	// 42/69 as ATS Wiegand 30: three ones before the middle, three after it.
	bits, n, err := d.Formats.Encode("wiegand-own-30", 42, 69)
	if got := cardformat.String(bits, n); err != nil || got != "1"+"000000101010"+"0000000001000101"+"0" {
		t.Errorf("%s, error %v", got, err)
	}
	if other := district(t); slices.Contains(other.Formats.Names(), "wiegand-own-30") {
		t.Error("another district knows the format")
	}
}

var formatProblems = []broken{
	{"name of a secret", "wiegand-own-30", "desfire-own", []string{
		`d.yaml:3:11: format "desfire-own": name is "desfire-own", expected one that begins with wiegand-, such as wiegand-own-40`,
	}},
	{"a name twice", "wiegand-own-30", "wiegand-26", []string{
		`d.yaml:3:11: format "wiegand-26": name is "wiegand-26", which is another format already`,
	}},
	{"bits", "bits: 30", "bits: 300", []string{
		`d.yaml:4:11: format "wiegand-own-30": bits is 300, expected 9 to 128`,
	}},
	{"no bits", "    bits: 30\n", "", []string{
		`d.yaml:3:5: format "wiegand-own-30": bits is 0, expected 9 to 128`,
	}},
	{"field", "{offset: 13, width: 16}", "{offset: 20, width: 16}", []string{
		`d.yaml:6:13: format "wiegand-own-30": number has the offset 20 and the width 16, expected 1 to 64 bits within the 30 of the frame`,
	}},
	{"unknown key", "{offset: 13, width: 16}", "{offset: 13, length: 16}", []string{
		`d.yaml:6:13: format "wiegand-own-30": number has the offset 13 and the width 0, expected 1 to 64 bits within the 30 of the frame`,
		`d.yaml:6:26: unknown key "length"; keys allowed here are offset, width`,
	}},
	{"parity bit", "- Exxx", "- xxxx", []string{
		`d.yaml:8:9: format "wiegand-own-30": parity has no E or O: one E (even) or O (odd) is expected, at the parity bit itself`,
	}},
	{"parity length", "- Exxx", "- Exxxx", []string{
		`d.yaml:8:9: format "wiegand-own-30": parity has 31 places, expected one for each of the 30 bits`,
	}},
	{"no list of parities", "    parity:\n      - Exxxxxxxxxxxx.................\n      - .............xxxxxxxxxxxxxxxxO\n", "", []string{
		`d.yaml:4:11: format "wiegand-own-30": bit 0 belongs to no field and no parity: expected each bit to be said; a parity of E alone is a bit that is always 0, O alone one that is always 1`,
	}},
	{"who uses a bad one has no further problem", "bits: 27, number: {offset: 0, width: 27}}", "bits: 27, number: {offset: 0, width: 28}}", []string{
		`d.yaml:10:46: format "wiegand-own-27": number has the offset 0 and the width 28, expected 1 to 64 bits within the 27 of the frame`,
	}},
}

func TestFormatProblems(t *testing.T) {
	text := edit(t, withFormats(t), "[wiegand-26, wiegand-37]", "[wiegand-own-27]")
	for _, c := range formatProblems {
		c.golden(t, text, func(src []byte) error {
			_, err := parseDistrict("d.yaml", src)
			return err
		})
	}
}

var keypadProblems = []broken{
	{"4-bit", "[wiegand-26, wiegand-37]", "[wiegand-26], keypad: 4-bit", nil},
	{"8-bit", "[wiegand-26, wiegand-37]", "[wiegand-26], keypad: 8-bit", nil},
	{"26-bit beside other lengths", "[wiegand-26, wiegand-37]", "[wiegand-37, wiegand-34], keypad: 26-bit", nil},
	{"26-bit told apart by its facility", "[wiegand-26, wiegand-37]", "[wiegand-26], keypad: 26-bit, keypad_facility: 0", nil},
	{"contactless cards of one length", "[wiegand-26, wiegand-37]", "[uid-56, desfire, ntag424, wiegand-56]", nil},
	{"unknown keypad", "[wiegand-26, wiegand-37]", "[wiegand-26], keypad: 6-bit", []string{
		`d.yaml:69:62: reader "inner-entry": keypad is "6-bit" (did you mean "4-bit"?); allowed are 4-bit, 8-bit, 26-bit`,
	}},
	{"26-bit like cards", "[wiegand-26, wiegand-37]", "[wiegand-26], keypad: 26-bit", []string{
		`d.yaml:69:62: reader "inner-entry": a PIN and a card of format wiegand-26 both have 26 bits: write keypad_facility, the facility code that the keypad is set to and no card has`,
	}},
	{"facility of another keypad", "[wiegand-26, wiegand-37]", "[wiegand-26], keypad: 4-bit, keypad_facility: 1", []string{
		`d.yaml:69:86: reader "inner-entry": keypad_facility is for keypad: 26-bit`,
	}},
	{"facility out of range", "[wiegand-26, wiegand-37]", "[wiegand-37], keypad: 26-bit, keypad_facility: 256", []string{
		`d.yaml:69:87: reader "inner-entry": keypad_facility is 256, expected 0 to 255`,
	}},
	{"the same format twice", "[wiegand-26, wiegand-37]", "[desfire, desfire]", []string{
		`d.yaml:69:50: reader "inner-entry": format desfire is there twice`,
	}},
}

func TestKeypadProblems(t *testing.T) {
	for _, c := range keypadProblems {
		if len(c.want) > 0 {
			c.golden(t, small, func(src []byte) error {
				_, err := parseDistrict("d.yaml", src)
				return err
			})
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			if _, err := parseDistrict("d.yaml", []byte(edit(t, small, c.old, c.new))); err != nil {
				t.Error(err)
			}
		})
	}
}

// How a reader is connected and what it sends belong together.
func TestFormatsFitTheWiring(t *testing.T) {
	const (
		lines = "main-entry: {d0: GPIO4, d1: GPIO17}"
		chip  = "main-entry: {chip: pn532, i2c: 1, address: 0x24}"
	)
	for _, c := range []struct{ name, formats, wired, says string }{
		{"frames on two lines", "[wiegand-26], keypad: 4-bit", lines, ""},
		{"a secret on two lines", "[wiegand-26, desfire]", lines, `w.yaml:5:20: reader "main-entry" has the format desfire of a contactless card`},
		{"cards at a chip", "[uid-56, desfire]", chip, ""},
		{"frames at a chip", "[wiegand-26]", chip, `has the Wiegand format wiegand-26, expected formats of contactless cards alone`},
		{"bursts at a chip", "[uid-56], keypad: 4-bit", chip, `has keypad: 4-bit, which is for a reader on two data lines`},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := parseDistrict("d.yaml", []byte(edit(t, small, "{id: main-entry, formats: [wiegand-26],", "{id: main-entry, formats: "+c.formats+",")))
			if err != nil {
				t.Fatal(err)
			}
			_, err = parseWiring("w.yaml", []byte(edit(t, smallWiring, lines, c.wired)), d)
			if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("got %v, expected %q", err, c.says)
			}
		})
	}
}
