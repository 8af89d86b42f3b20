package translit

import (
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

func TestToLatin(t *testing.T) {
	for cyrillic, latin := range map[string]string{
		"ЉУБАВ":        "LJUBAV",
		"Љубав":        "Ljubav",
		"љубав":        "ljubav",
		"КОЊ":          "KONJ",
		"Њ.":           "Nj.",
		"Њ. Њежић":     "Nj. Nježić",
		"ЏЕП Џеп џеп":  "DŽEP Džep džep",
		"Ђорђе Ћирић":  "Đorđe Ćirić",
		"Ложионица":    "Ložionica",
		"Кућа еУправе": "Kuća eUprave",
		"CO₂ 812 ppm":  "CO₂ 812 ppm",
		"ŠĐČĆŽ остаје": "ŠĐČĆŽ ostaje",
		"":             "",
		"Ā ы":          "Ā ы",
		"АБВГДЂЕЖЗИЈКЛМНОПРСТЋУФХЦЧШ": "ABVGDĐEŽZIJKLMNOPRSTĆUFHCČŠ",
		"инјекција": "injekcija",
		"ОЉА-Љ2":    "OLJA-Lj2",
	} {
		if got := ToLatin(cyrillic); got != latin {
			t.Errorf("ToLatin(%q) = %q, want %q", cyrillic, got, latin)
		}
	}
}

func TestToLatinLeavesNoSerbianCyrillic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s") + rapid.StringOf(rapid.RuneFrom([]rune("љњџЉЊЏабвАБВ x"))).Draw(t, "serbian")
		latin := ToLatin(s)
		for _, r := range latin {
			low := unicode.ToLower(r)
			if _, ok := plain[low]; ok {
				t.Fatalf("%q: %q is left", latin, r)
			}
			if _, ok := digraph[low]; ok {
				t.Fatalf("%q: %q is left", latin, r)
			}
		}
		if again := ToLatin(latin); again != latin {
			t.Fatalf("twice gives %q, once %q", again, latin)
		}
	})
}
