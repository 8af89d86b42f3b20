package sim_test

import (
	"context"
	"strings"
	"testing"
)

func TestBadCommands(t *testing.T) {
	w := open(t)
	for line, want := range map[string]string{
		"":                          "the line is empty",
		"   ":                       "the line is empty",
		"open r1":                   `unknown command "open"`,
		strings.Repeat("x", 3000):   `"…; commands: `,
		"wiegand r1":                "wiegand has 1 arguments; its form is: wiegand <reader> <bits>",
		"wiegand r1 1 0":            "has 3 arguments",
		"wiegand r3 101":            `no reader "r3" at gateway gw1; it has r1, r2`,
		"wiegand r1 10201":          "bit 3 of the frame is neither 0 nor 1",
		"wiegand r1 10é":            "bit 3",
		"level contact high":        `level "high"; allowed are 0 and 1`,
		"level r1 1":                `no input "r1"`,
		"value air co2 700":         "bme280 does not measure CO2_Level_Sensor; it measures Air_Temperature_Sensor, Relative_Humidity_Sensor, Static_Pressure_Sensor",
		"value co2 pressure 700":    "scd4x does not measure",
		"value air temp 20":         `unknown quantity "temp"; known are`,
		"value air temperature x":   `value "x" is not a number`,
		"value air temperature NaN": "cannot hold",
		"value air humidity 100.1":  "goes from 0 to 100",
		"value co2 co2 70000":       "goes from 0 to 65535",
		"value nope co2 1":          `no sensor "nope" at gateway gw1; it has air, co2`,
		"fail":                      "fail has 0 arguments",
		"fail door":                 `no device "door" at gateway gw1; it has air, co2, contact, led, r1, r2, rex, strike`,
		"heal -":                    `no device "-"`,
		"outputs all":               "its form is: outputs",
		"stick r1 d2":               `line "d2"; allowed are d0, d1, both and none`,
		"stick air d0":              `no reader on data lines "air" at gateway gw1; it has r1, r2`,

		"wiegand r1 " + strings.Repeat("1", 257): "257 bits; at most 256",
	} {
		if got, err := w.Do(t.Context(), line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %q, %v, expected %s", line, got, err, want)
		}
	}
}

func TestHelpNamesEachCommand(t *testing.T) {
	got := do(t, open(t), "help")
	for _, name := range []string{"wiegand", "level", "value", "outputs", "fail", "heal", "help"} {
		if !strings.Contains(got, name) {
			t.Errorf("help without %s: %s", name, got)
		}
	}
}

func FuzzDo(f *testing.F) {
	for _, line := range []string{
		"help", "outputs", "wiegand r1 1", "level rex 0", "value air pressure 1e400", "value co2 co2 0x1p9", "fail led",
		"heal led", "wiegand r1 \x00", "value air humidity -0", "\t\v", "level  contact  1\r\n",
	} {
		f.Add(line)
	}
	for _, line := range good {
		f.Add(line)
	}
	for line := range bad {
		f.Add(line)
	}
	w := newBench(f).open(f)
	f.Fuzz(func(t *testing.T, line string) {
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		got, err := w.Do(gone, line)
		if err != nil {
			got = err.Error()
		}
		if got == "" || strings.ContainsAny(got, "\r\n") {
			t.Errorf("%q: answer %q is not one line", line, got)
		}
	})
}
