// Package words says the steps of a decision (policy.Explain) to people: in Serbian, written in Cyrillic, from which the
// Latin is made by rule, and in English. It knows no names of people or doors: what a step names stands in it as it is.
//
// It keeps no state and does no I/O: it may be used by any number of goroutines.
package words

import (
	"strings"

	"kapija/internal/policy"
	"kapija/internal/translit"
)

// The languages, as BCP 47 tags.
const (
	Latin    = "sr-Latn"
	Cyrillic = "sr-Cyrl"
	English  = "en"
)

// Text is one step in a language; every other tag than the three counts as Latin. A step without words is its key.
func Text(lang string, s policy.Step) string {
	t, ok := steps[s.Key]
	if !ok {
		return s.Key
	}
	text := t.sr
	switch lang {
	case English:
		text = t.en
	case Cyrillic:
	default:
		text = translit.ToLatin(text)
	}
	pairs := make([]string, 0, 2*len(s.Args))
	for _, a := range s.Args {
		value := a.Value
		if a.Name == "mode" {
			value = mode(lang, value)
		}
		pairs = append(pairs, "{"+a.Name+"}", value)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

func mode(lang, m string) string {
	t, ok := modes[m]
	switch {
	case !ok:
		return m
	case lang == English:
		return t.en
	case lang == Cyrillic:
		return t.sr
	}
	return translit.ToLatin(t.sr)
}

// text is one message. {name} stands for an argument.
type text struct{ sr, en string }

var modes = map[string]text{
	"secure":       {"закључано", "secure"},
	"card_and_pin": {"картица и ПИН", "card and PIN"},
	"free_access":  {"слободан приступ", "free access"},
	"unlocked":     {"откључано", "unlocked"},
	"lockdown":     {"блокада", "lockdown"},
	"disabled":     {"искључено", "disabled"},
}
