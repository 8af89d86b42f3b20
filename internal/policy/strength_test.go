package policy_test

import (
	"testing"

	"kapija/internal/policy"
	"kapija/internal/site"
)

func TestStrengthOf(t *testing.T) {
	for format, want := range map[string]policy.Strength{
		"wiegand-26": policy.StrengthNumber, "wiegand-own-30": policy.StrengthNumber, "uid-32": policy.StrengthNumber, "uid-56": policy.StrengthNumber, "uid-80": policy.StrengthNumber,
		"raw-40": policy.StrengthNumber, "em4100": policy.StrengthNumber,
		"desfire": policy.StrengthSecret, "desfire-ev3": policy.StrengthSecret, "ntag424": policy.StrengthSecret, "piv": policy.StrengthSecret,
		"": policy.StrengthUnknown, "pin": policy.StrengthUnknown, "ntag": policy.StrengthUnknown, "desfire2": policy.StrengthUnknown, "xwiegand-26": policy.StrengthUnknown,
	} {
		if got := policy.StrengthOf(format); got != want {
			t.Errorf("%q: strength %d, want %d", format, got, want)
		}
	}
	// No format is left without one, and what comes over two wires proves nothing.
	known := new(site.District).Formats
	for _, name := range known.Names() {
		f, _ := known.Lookup(name)
		if s := policy.StrengthOf(name); s == policy.StrengthUnknown || s == policy.StrengthSecret && !f.Contactless {
			t.Errorf("%s: strength %d", name, s)
		}
	}
}
