package site

import (
	"slices"

	"kapija/internal/cardformat"
)

// Format is a card format of the site's own.
type Format struct {
	Name     string           `yaml:"name"` // wiegand-…
	Bits     int              `yaml:"bits"` // length of the frame
	Facility cardformat.Field `yaml:"facility"`
	Number   cardformat.Field `yaml:"number"`
	Parity   []string         `yaml:"parity"` // as cardformat.ParseParity reads them, in the order in which they are computed
}

// The keypads of Wiegand readers.
const (
	keypad4  = "4-bit"  // one burst a key
	keypad8  = "8-bit"  // one burst a key, the upper half inverted
	keypad26 = "26-bit" // the whole PIN in a frame of 26 bits
)

var keypads = []string{keypad4, keypad8, keypad26}

// ownFormats makes the formats that the district knows. Those with problems are left out; a reader that names one has no
// further problem.
func (doc *document) ownFormats(d *District) {
	var own []cardformat.Format
	var from []*Format
	for _, f := range d.Own {
		p, ok := doc.parities(f)
		if ok {
			own = append(own, cardformat.Format{Name: f.Name, Bits: f.Bits, Facility: f.Facility, Number: f.Number, Parity: p})
			from = append(from, f)
		}
	}
	set, problems := cardformat.NewSet(own)
	for _, p := range problems {
		f := from[p.Format]
		at := map[string]any{"name": &f.Name, "bits": &f.Bits, "facility": &f.Facility, "number": &f.Number}[p.Field]
		if p.Field == "parity" {
			at = &f.Parity[p.Index]
		}
		doc.say(in(at, f), "%s: %s", quoted("format", f.Name), p.Text)
	}
	d.Formats, doc.cards, doc.cardNames = set, set, set.Names()
	for _, f := range d.Own {
		if !slices.Contains(doc.cardNames, f.Name) {
			doc.cardNames = append(doc.cardNames, f.Name)
		}
	}
}

func (doc *document) parities(f *Format) (list []cardformat.Parity, ok bool) {
	ok = true
	for i, text := range f.Parity {
		p, err := cardformat.ParseParity(text)
		if err != nil {
			doc.say(in(&f.Parity[i], f), "%s: parity %v", quoted("format", f.Name), err)
			ok = false
		}
		list = append(list, p)
	}
	return list, ok
}

// formats checks that a reader's formats are known, and that the length of a Wiegand frame tells which of them it is.
func (doc *document) formats(r *Reader) {
	what, lengths := quoted("reader", r.ID), map[int]string{}
	if len(r.Formats) == 0 {
		doc.say(in(&r.Formats, r), "%s has no formats; allowed are %s", what, list(doc.cardNames))
	}
	for i, name := range r.Formats {
		doc.oneOf(&r.Formats[i], r, what+": format", doc.cardNames)
		f, ok := doc.cards.Lookup(name)
		switch {
		case !ok:
			continue
		case slices.Contains(r.Formats[:i], name):
			doc.say(in(&r.Formats[i], r), "%s: format %s is there twice", what, name)
		case f.Contactless:
			continue
		case lengths[f.Bits] != "":
			doc.say(in(&r.Formats[i], r), "%s: formats %s and %s both have %d bits, expected one format for each length", what, lengths[f.Bits], name, f.Bits)
		}
		lengths[f.Bits] = name
	}
	doc.keypad(r, what, lengths[26])
}

// keypad checks how a reader sends keys. A PIN in a frame of 26 bits is told from a card by its facility code alone, so
// that where there are such cards it is stated, and not the default: a keypad that sends another one types cards.
func (doc *document) keypad(r *Reader, what, card26 string) {
	if r.Keypad != "" {
		doc.oneOf(&r.Keypad, r, what+": keypad", keypads)
	}
	_, stated := doc.at[&r.KeypadFacility]
	switch {
	case stated && r.Keypad != keypad26:
		doc.say(in(&r.KeypadFacility, r), "%s: keypad_facility is for keypad: %s", what, keypad26)
	case r.KeypadFacility < 0 || r.KeypadFacility > 255:
		doc.say(in(&r.KeypadFacility, r), "%s: keypad_facility is %d, expected 0 to 255", what, r.KeypadFacility)
	case r.Keypad == keypad26 && card26 != "" && !stated:
		doc.say(in(&r.Keypad, r), "%s: a PIN and a card of format %s both have 26 bits: write keypad_facility, the facility code that the keypad is set to and no card has", what, card26)
	}
}

// formatsFit checks that a reader is connected as its formats come: bits over two data lines or OSDP, which prove nothing,
// and what a contactless card proves here from an NFC chip alone. Keys over OSDP need no setting.
func (c *wires) formatsFit(r *Reader, by, what string) {
	at := in(entry{"readers", r.ID, by}, entry{"readers", r.ID, ""})
	for _, name := range r.Formats {
		f, ok := c.cards.Lookup(name)
		switch {
		case ok && by != "chip" && f.Contactless:
			c.say(at, "%s has the format %s of a contactless card, expected Wiegand formats alone where no NFC chip of this gateway reads the card", what, name)
		case ok && by == "chip" && !f.Contactless:
			c.say(at, "%s has the Wiegand format %s, expected formats of contactless cards alone at an NFC chip", what, name)
		}
	}
	if r.Keypad != "" && by != "d0" {
		c.say(at, "%s has keypad: %s, which is for a reader on two data lines", what, r.Keypad)
	}
}
