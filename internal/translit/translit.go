// Package translit writes Serbian Cyrillic in Serbian Latin, by rule. It keeps no state and does no I/O: it may be used by
// any number of goroutines.
package translit

import (
	"strings"
	"unicode"
)

// plain maps the Serbian Cyrillic letters that have one Latin letter.
var plain = map[rune]rune{
	'а': 'a', 'б': 'b', 'в': 'v', 'г': 'g', 'д': 'd', 'ђ': 'đ', 'е': 'e', 'ж': 'ž', 'з': 'z', 'и': 'i', 'ј': 'j',
	'к': 'k', 'л': 'l', 'м': 'm', 'н': 'n', 'о': 'o', 'п': 'p', 'р': 'r', 'с': 's', 'т': 't', 'ћ': 'ć', 'у': 'u',
	'ф': 'f', 'х': 'h', 'ц': 'c', 'ч': 'č', 'ш': 'š',
}

// digraph maps those that have two.
var digraph = map[rune]string{'љ': "lj", 'њ': "nj", 'џ': "dž"}

// ToLatin writes Serbian Cyrillic in Serbian Latin. Everything that is not a Serbian Cyrillic letter stays as it is.
// A capital digraph is two capitals inside a word of capitals and one capital otherwise: ЉУБАВ, LJUBAV; Љубав, Ljubav.
func ToLatin(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	text := []rune(s)
	for i, r := range text {
		low := unicode.ToLower(r)
		if to, ok := plain[low]; ok {
			if low != r {
				to = unicode.ToUpper(to)
			}
			b.WriteRune(to)
			continue
		}
		to, ok := digraph[low]
		switch {
		case !ok:
			b.WriteRune(r)
		case low == r:
			b.WriteString(to)
		case shouted(text, i):
			b.WriteString(strings.ToUpper(to))
		default:
			b.WriteString(strings.ToUpper(to[:1]) + to[1:])
		}
	}
	return b.String()
}

// shouted says whether the capital at i stands among capitals: the letter after it decides, and at the end of a word
// the one before it.
func shouted(text []rune, i int) bool {
	if i+1 < len(text) && unicode.IsLetter(text[i+1]) {
		return unicode.IsUpper(text[i+1])
	}
	return i > 0 && unicode.IsUpper(text[i-1])
}
