package web

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func sheet(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("static/app.css")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var variable = regexp.MustCompile(`--([\w-]+): (#[0-9a-f]{6});`)

// palettes are the colours of the light and of the dark theme.
func palettes(t *testing.T) map[string]map[string]string {
	t.Helper()
	css := sheet(t)
	light, rest, ok := strings.Cut(css, "@media screen and (prefers-color-scheme: dark)")
	if !ok {
		t.Fatal("there is no dark theme")
	}
	dark, _, _ := strings.Cut(rest, "\n}\n")
	all := map[string]map[string]string{"light": {}, "dark": {}}
	for _, m := range variable.FindAllStringSubmatch(light, -1) {
		all["light"][m[1]], all["dark"][m[1]] = m[2], m[2]
	}
	for _, m := range variable.FindAllStringSubmatch(dark, -1) {
		all["dark"][m[1]] = m[2]
	}
	return all
}

// luminance and contrast are WCAG 2.2's relative luminance and contrast ratio.
func luminance(hex string) float64 {
	weights := [3]float64{0.2126, 0.7152, 0.0722}
	sum := 0.0
	for i, w := range weights {
		n, _ := strconv.ParseUint(hex[1+2*i:3+2*i], 16, 8)
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += w * c
	}
	return sum
}

func contrast(a, b string) float64 {
	x, y := luminance(a), luminance(b)
	return (math.Max(x, y) + 0.05) / (math.Min(x, y) + 0.05)
}

func TestContrast(t *testing.T) {
	text := [][2]string{
		{"ink", "bg"}, {"ink", "surface"}, {"muted", "bg"}, {"muted", "surface"}, {"accent", "bg"}, {"accent", "surface"},
		{"on-accent", "accent"}, {"bad", "surface"}, {"bad", "bad-bg"}, {"bad", "bg"}, {"ink", "bad-bg"}, {"muted", "bad-bg"}, {"ink", "good-bg"},
		{"refused", "surface"}, {"rail-ink", "rail"}, {"rail-muted", "rail"}, {"rail-ink", "rail-on"}, {"surface", "bad"}, {"surface", "ink"},
		{"on-empty", "b-empty"}, {"on-quiet", "b-quiet"}, {"on-moderate", "b-moderate"}, {"on-busy", "b-busy"}, {"on-full", "b-full"}, {"on-over", "b-over"},
	}
	shapes := [][2]string{{"edge", "surface"}, {"edge", "bg"}, {"focus", "bg"}, {"focus", "surface"}, {"curve", "surface"}}
	for theme, colours := range palettes(t) {
		check := func(pairs [][2]string, least float64) {
			for _, p := range pairs {
				a, b := colours[p[0]], colours[p[1]]
				if a == "" || b == "" {
					t.Errorf("%s: %v: a colour is missing", theme, p)
				} else if c := contrast(a, b); c < least {
					t.Errorf("%s: %s %s on %s %s: %.2f:1, want %.1f:1", theme, p[0], a, p[1], b, c, least)
				}
			}
		}
		check(text, 4.5)
		check(shapes, 3)
	}
}

func TestBandsHaveThePaletteInOrder(t *testing.T) {
	all := palettes(t)
	want := "#eef1f5 #bcd6ec #74aadb #2a6db0 #d9730d #7f1d1d"
	var got []string
	for b := bandEmpty; b <= bandOver; b++ {
		got = append(got, all["light"]["b-"+b.String()])
		if all["dark"]["b-"+b.String()] == "" {
			t.Errorf("the dark theme has no colour for %s", b)
		}
	}
	if strings.Join(got, " ") != want {
		t.Errorf("%v, want %s", got, want)
	}
}

func TestSheetServesEverybody(t *testing.T) {
	css := sheet(t)
	for _, need := range []string{"prefers-reduced-motion: reduce", "forced-colors: active", "@media print", ":focus-visible", "prefers-color-scheme: dark", ".skip:focus"} {
		if !strings.Contains(css, need) {
			t.Errorf("the sheet has no %s", need)
		}
	}
	for _, never := range []string{"outline: 0", "http:", "https:", "@import", "@font-face"} {
		if strings.Contains(css, never) {
			t.Errorf("the sheet has %s", never)
		}
	}
}

func TestBands(t *testing.T) {
	for _, c := range []struct {
		known        bool
		n, full, pct int
		want         string
	}{
		{false, 5, 10, 50, "unknown"}, {true, 5, 0, 0, "unknown"}, {true, 0, 10, 0, "empty"}, {true, 1, 1000, 0, "quiet"},
		{true, 399, 1000, 39, "quiet"}, {true, 400, 1000, 40, "moderate"}, {true, 699, 1000, 69, "moderate"}, {true, 700, 1000, 70, "busy"},
		{true, 899, 1000, 89, "busy"}, {true, 900, 1000, 90, "full"}, {true, 1000, 1000, 100, "full"}, {true, 1001, 1000, 101, "over"},
	} {
		if got := bandOf(c.known, c.n, c.full).String(); got != c.want || percent(c.n, c.full) != c.pct {
			t.Errorf("%v %d/%d: %s at %d %%, want %s at %d %%", c.known, c.n, c.full, got, percent(c.n, c.full), c.want, c.pct)
		}
	}
}

// live.js is told the limits of the bands; its own limits of air are those of airClass.
func TestScriptAgreesAboutAir(t *testing.T) {
	js, err := os.ReadFile("static/live.js")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(js), fmt.Sprintf("ppm <= %d ? 'I' : ppm <= %d ? 'II' : ppm <= %d ? 'III' : 'IV'", 970, 1220, 1770)) {
		t.Error("live.js has other limits")
	}
	for ppm, want := range map[float64]string{400: "I", 970: "I", 971: "II", 1220: "II", 1221: "III", 1770: "III", 1771: "IV"} {
		if got := airClass(ppm); got != want {
			t.Errorf("%.0f ppm is %s, want %s", ppm, got, want)
		}
	}
}
