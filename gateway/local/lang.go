package local

import (
	"strings"

	"kapija/internal/translit"
)

// lang is the language of a page: "sr-Latn", which is the default, "sr-Cyrl" or "en".
type lang string

var langs = []lang{"sr-Latn", "sr-Cyrl", "en"}

func langOf(s string) lang {
	for _, l := range langs {
		if string(l) == s {
			return l
		}
	}
	return langs[0]
}

// text is the words for a key; the key itself, without its family, where there are none.
func (l lang) text(key string) string {
	w, ok := texts[key]
	if !ok {
		w, ok = protocol[key]
	}
	if !ok {
		_, rest, _ := strings.Cut(key, ".")
		return rest
	}
	return l.of(w[0], w[1])
}

// of chooses between a Serbian text in Cyrillic and an English one.
func (l lang) of(sr, en string) string {
	switch {
	case l == "en" && en != "":
		return en
	case l == "sr-Latn":
		return translit.ToLatin(sr)
	}
	return sr
}
