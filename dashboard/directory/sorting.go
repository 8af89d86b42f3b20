package directory

import (
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/collate"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"

	"kapija/internal/translit"
)

// sorter makes collation keys, in the order of the Croatian alphabet: that of Serbian Latin is the same, and the
// language sr of the collation tables is Cyrillic whatever script is asked for.
type sorter struct {
	mu       *sync.Mutex // a Collator is for one goroutine
	collator *collate.Collator
}

func newSorter() sorter { return sorter{new(sync.Mutex), collate.New(language.Croatian)} }

func (s sorter) key(name string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b collate.Buffer
	return append([]byte(nil), s.collator.KeyFromString(&b, translit.ToLatin(norm.NFC.String(name)))...)
}

// fold makes a text comparable across scripts and keyboards: Latin, lower case, without marks, and đ, which is typed as
// đ, dj or d, always as d.
func fold(s string) string {
	s = strings.ToLower(translit.ToLatin(norm.NFC.String(s)))
	var b strings.Builder
	for _, r := range norm.NFD.String(s) {
		switch {
		case unicode.Is(unicode.Mn, r):
		case r == 'đ':
			b.WriteByte('d')
		default:
			b.WriteRune(r)
		}
	}
	return strings.ReplaceAll(b.String(), "dj", "d")
}

// terms are the words that a person must have to be found: at most 8.
func terms(query string) []string {
	words := strings.Fields(fold(strings.ToValidUTF8(query, " ")))
	return words[:min(len(words), 8)]
}
