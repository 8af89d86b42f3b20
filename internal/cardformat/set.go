package cardformat

import (
	"fmt"
	"slices"
	"strings"
)

// Set is the formats that a site knows: those that everybody has, and its own. Nil and the zero value hold the former.
type Set struct{ own []Format }

// Names lists the formats, the site's own last.
func (s *Set) Names() []string {
	var names []string
	for _, list := range s.lists() {
		for _, f := range list {
			names = append(names, f.Name)
		}
	}
	return names
}

// Lookup finds a format by its name.
func (s *Set) Lookup(name string) (Format, bool) {
	for _, list := range s.lists() {
		for _, f := range list {
			if f.Name == name {
				return f, true
			}
		}
	}
	return Format{}, false
}

// Select finds several formats, in the order of the names. The error wraps ErrUnknown and says which are not known.
func (s *Set) Select(names []string) ([]Format, error) {
	formats := make([]Format, 0, len(names))
	var unknown []string
	for _, name := range names {
		if f, ok := s.Lookup(name); ok {
			formats = append(formats, f)
		} else {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		return nil, s.unknown(unknown...)
	}
	return formats, nil
}

// Encode makes the frame of a card, as Format.Encode does. The error wraps ErrUnknown or ErrRange.
func (s *Set) Encode(format string, facility, number uint64) (bits []byte, n int, err error) {
	f, ok := s.Lookup(format)
	if !ok {
		return nil, 0, s.unknown(format)
	}
	return f.Encode(facility, number)
}

// Decode takes a frame apart, as Format.Decode does. The error wraps ErrUnknown, or says which length was expected.
func (s *Set) Decode(format string, bits []byte, n int) (facility, number uint64, parityOK bool, err error) {
	f, ok := s.Lookup(format)
	if !ok {
		return 0, 0, false, s.unknown(format)
	}
	return f.Decode(bits, n)
}

// Check says whether a frame has the length of the format, and whether its parity is right. A frame of another length, or
// an unknown format, is not known, and its parity is not OK.
func (s *Set) Check(format string, bits []byte, n int) (parityOK bool, known bool) {
	f, ok := s.Lookup(format)
	if !ok || !f.fits(bits, n) {
		return false, false
	}
	return f.parityOK(load(bits)), true
}

// Encode makes the frame of a card in a format that everybody has.
func Encode(format string, facility, number uint64) (bits []byte, n int, err error) {
	return (*Set)(nil).Encode(format, facility, number)
}

func (s *Set) lists() [2][]Format {
	if s == nil {
		return [2][]Format{builtIn}
	}
	return [2][]Format{builtIn, s.own}
}

func (s *Set) unknown(formats ...string) error {
	quoted := make([]string, len(formats))
	for i, f := range formats {
		quoted[i] = fmt.Sprintf("%.40q", f)
	}
	known := s.Names()
	slices.Sort(known)
	return fmt.Errorf("cardformat: %w %s: one of %s is expected", ErrUnknown, strings.Join(quoted, ", "), strings.Join(known, ", "))
}
