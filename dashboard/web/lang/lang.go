// Package lang holds every word that people read, in Serbian and in English, and how numbers, dates and ages are
// written in each. Serbian is authored in Cyrillic; its Latin form is made from it by rule, never the other way.
//
// It keeps no state and does no I/O: everything here may be used by any number of goroutines.
package lang

import (
	"strconv"
	"strings"

	"kapija/internal/translit"
)

// Lang is a language with its script, as a BCP 47 tag.
type Lang string

// The languages. Latin is the default.
const (
	Latin    Lang = "sr-Latn"
	Cyrillic Lang = "sr-Cyrl"
	English  Lang = "en"
)

// All lists the languages in the order in which they are offered.
var All = []Lang{Latin, Cyrillic, English}

// Parse accepts exactly the tags of All.
func Parse(tag string) (Lang, bool) {
	for _, l := range All {
		if string(l) == tag {
			return l, true
		}
	}
	return Latin, false
}

// Match chooses by an Accept-Language header. Serbian without a script is Latin here, although CLDR reads it as
// Cyrillic, and so are the neighbours' languages; anything unknown gives Latin.
func Match(header string) Lang {
	best, weight := Latin, 0.0
	for item := range strings.SplitSeq(header, ",") {
		tag, params, _ := strings.Cut(strings.TrimSpace(item), ";")
		q := 1.0
		if v, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			if f, err := strconv.ParseFloat(v, 64); err == nil {
				q = f
			}
		}
		if l, ok := fromTag(strings.TrimSpace(tag)); ok && q > weight && q <= 1 {
			best, weight = l, q
		}
	}
	return best
}

func fromTag(tag string) (Lang, bool) {
	parts := strings.Split(strings.ToLower(strings.ReplaceAll(tag, "_", "-")), "-")
	switch parts[0] {
	case "en":
		return English, true
	case "sr":
		for _, p := range parts[1:] {
			if p == "cyrl" {
				return Cyrillic, true
			}
		}
		return Latin, true
	case "sh", "bs", "hr", "cnr":
		return Latin, true
	}
	return Latin, false
}

// T is the text named key. Pairs of a name and a value replace {name} in it; a value is put in as it is, in whatever
// script it came. An unknown key is returned itself.
func (l Lang) T(key string, pairs ...string) string {
	w, ok := words[key]
	if !ok {
		return key
	}
	return fill(l.Text(w.sr, w.en), pairs)
}

// N is the text named key in the form that n asks for (1 особа, 2 особе, 5 особа; 1 person, 2 persons), with {n}
// replaced by the number.
func (l Lang) N(key string, n int, pairs ...string) string {
	w, ok := words[key]
	if !ok {
		return key
	}
	forms := strings.Split(l.Text(w.sr, w.en), "|")
	return fill(forms[min(l.form(n), len(forms)-1)], append([]string{"n", l.Int(n)}, pairs...))
}

// Has says whether key names a text.
func Has(key string) bool {
	_, ok := words[key]
	return ok
}

// Text chooses between Serbian, given in Cyrillic, and English. It is for names out of the configuration.
func (l Lang) Text(sr, en string) string {
	switch {
	case l == English && en != "":
		return en
	case l == Cyrillic:
		return sr
	default:
		return translit.ToLatin(sr)
	}
}

// form is the index of the plural form: 0 one, 1 few, 2 many for Serbian (CLDR's one, few, other); 0 one, 1 other for
// English.
func (l Lang) form(n int) int {
	if n < 0 {
		n = -n
	}
	if l == English {
		if n == 1 {
			return 0
		}
		return 1
	}
	tens, ones := n/10%10, n%10
	switch {
	case ones == 1 && tens != 1:
		return 0
	case ones >= 2 && ones <= 4 && tens != 1:
		return 1
	}
	return 2
}

func fill(text string, pairs []string) string {
	if len(pairs) < 2 || !strings.Contains(text, "{") {
		return text
	}
	braced := make([]string, 0, len(pairs))
	for i := 0; i+1 < len(pairs); i += 2 {
		braced = append(braced, "{"+pairs[i]+"}", pairs[i+1])
	}
	return strings.NewReplacer(braced...).Replace(text)
}
