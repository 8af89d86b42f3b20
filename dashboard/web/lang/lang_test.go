package lang

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestMatch(t *testing.T) {
	for header, want := range map[string]Lang{
		"":                              Latin,
		"*":                             Latin,
		"sr":                            Latin,
		"sr-RS":                         Latin,
		"sr-Cyrl-RS":                    Cyrillic,
		"sr_Cyrl":                       Cyrillic,
		"sr-Latn-RS,sr;q=0.9,en;q=0.8":  Latin,
		"en-GB,en;q=0.9":                English,
		"de-DE,de;q=0.9,en;q=0.8":       English,
		"de":                            Latin,
		"en;q=0.3,sr-Cyrl;q=0.7":        Cyrillic,
		"hr,en;q=0.5":                   Latin,
		"en;q=0":                        Latin,
		"en;q=nonsense":                 English,
		";;;,,,q=1;sr-Cyrl\x00":         Latin,
		strings.Repeat("xx,", 5000):     Latin,
		"en;q=99, sr-Cyrl;q=1":          Cyrillic,
		" sr-CYRL ; q=0.5 , en ; q=0.4": Cyrillic,
	} {
		if got := Match(header); got != want {
			t.Errorf("Match(%.40q) = %s, want %s", header, got, want)
		}
	}
}

func TestPlurals(t *testing.T) {
	for n, want := range map[int]string{
		0: "0 особа", 1: "1 особа", 2: "2 особе", 4: "4 особе", 5: "5 особа", 11: "11 особа", 12: "12 особа", 14: "14 особа",
		21: "21 особа", 22: "22 особе", 25: "25 особа", 101: "101 особа", 111: "111 особа", 112: "112 особа", 1003: "1.003 особе",
	} {
		if got := Cyrillic.N("people.count", n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	if got := Latin.N("people.count", 2) + ", " + English.N("people.count", 1) + ", " + English.N("people.count", 0); got != "2 osobe, 1 person, 0 persons" {
		t.Error(got)
	}
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Latin.Int(0), "0"}, {Latin.Int(999), "999"}, {Latin.Int(1234), "1.234"}, {English.Int(1234567), "1,234,567"},
		{Latin.Int(-1234), "−1.234"}, {Latin.Signed(12), "+12"}, {Latin.Signed(-3), "−3"}, {Latin.Signed(0), "0"},
		{Cyrillic.Fixed(21.44, 1), "21,4"}, {English.Fixed(1234.56, 1), "1,234.6"}, {English.Fixed(-0.04, 1), "0.0"},
		{English.Fixed(-2.25, 2), "−2.25"}, {Latin.Fixed(811.6, 0), "812"}, {Latin.Fixed(0.999, 2), "1,00"},
		{Latin.Fixed(math.NaN(), 1), "—"}, {Latin.Fixed(math.Inf(1), 1), "—"}, {Latin.Int(math.MinInt), Latin.Int(math.MinInt + 1)},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestDates(t *testing.T) {
	at := time.Date(2025, 11, 3, 9, 4, 7, 0, time.UTC)
	for _, c := range []struct{ got, want string }{
		{Cyrillic.LongDay(at), "понедељак, 3. новембар 2025."}, {Latin.LongDay(at), "ponedeljak, 3. novembar 2025."},
		{English.LongDay(at), "Monday, 3 November 2025"}, {Latin.Day(at), "3. 11. 2025."}, {English.Day(at), "3 Nov 2025"},
		{Latin.Clock(at), "09:04"}, {Latin.Seconds(at), "09:04:07"},
		{Latin.Ago(-time.Hour), "upravo sada"}, {Latin.Ago(5 * time.Second), "pre 5 s"}, {English.Ago(90 * time.Second), "1 min ago"},
		{Cyrillic.Ago(3 * time.Hour), "пре 3 h"}, {Latin.Ago(49 * time.Hour), "pre 2 dana"}, {Latin.Ago(21 * 24 * time.Hour), "pre 21 dan"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

// A value is put in as it is: neither transliterated, nor taken for a format or a place of its own (L57).
func TestL57ValuesAreNotFormats(t *testing.T) {
	got := Latin.T("badge.sure", "hint", "…%s{name}", "name", "Љубица %d {hint}")
	if want := "Opozvati bedž …%s{name} osobe Љубица %d {hint}? Ovo se ne može vratiti."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestUnknownKeyIsShown(t *testing.T) {
	if got := Latin.T("no.such"); got != "no.such" {
		t.Error(got)
	}
	if got := English.N("no.such", 3); got != "no.such" {
		t.Error(got)
	}
}

func TestConfiguredNames(t *testing.T) {
	if got := Latin.Text("Ложионица", "Roundhouse") + Cyrillic.Text("Ложионица", "") + English.Text("Ложионица", "") + English.Text("Л", "R"); got != "LožionicaЛожионицаLožionicaR" {
		t.Error(got)
	}
}
