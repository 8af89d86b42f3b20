package technician

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/internal/cardformat"
	"kapija/internal/site"
)

// Seen is one thing that a device told. Text says the same as the other fields, for people.
type Seen struct {
	At     time.Time `json:"at"`
	Device string    `json:"device"`
	What   string    `json:"what"` // card, pin, level, passage, reading, health, alert, edge
	Text   string    `json:"text"`

	Card  *Card    `json:"card,omitempty"`
	On    *bool    `json:"on,omitempty"`    // level: active; health: online; alert: active; passage: in; edge: rising
	Value *float64 `json:"value,omitempty"` // reading
	Unit  string   `json:"unit,omitempty"`
	Name  string   `json:"name,omitempty"` // reading: the Brick class; alert: its kind; edge: D0, D1 or line
}

// Card is what a reader read. It is for the screen of a technician who holds the card.
type Card struct {
	Format   string `json:"format,omitempty"`
	Facility uint64 `json:"facility"`
	Number   uint64 `json:"number"`
	Bits     string `json:"bits"`
	UID      string `json:"uid,omitempty"` // in hexadecimal digits; of cards without contacts
	Fault    string `json:"fault,omitempty"`
}

// Watch runs all devices and tells what they tell, until ctx is done; with edges also each edge of a line, from which a
// PIN can be read too. It ends with the error of tell, or says why nothing can be watched.
func Watch(ctx context.Context, c Config, edges bool, tell func(Seen) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	seen := make(chan Seen)
	send := func(s Seen) {
		select {
		case seen <- s:
		case <-ctx.Done():
		}
	}
	if edges {
		c.Wires = tap{c.Wires, func(device, line string, e bridge.Edge) { send(edge(device, line, e)) }}
	}
	devices, err := c.open()
	if err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		run(ctx, devices, func(s bridge.Signal) { send(c.seen(s)) })
	}()
	for {
		select {
		case s := <-seen:
			if err == nil {
				err = tell(s)
			}
			if err != nil {
				cancel()
			}
		case <-ended:
			return err
		}
	}
}

func (c Config) seen(s bridge.Signal) Seen {
	v := Seen{At: s.At, Device: s.Device}
	flag := func(what string, on bool, yes, no string) {
		v.What, v.On, v.Text = what, &on, no
		if on {
			v.Text = yes
		}
	}
	switch w := s.What.(type) {
	case bridge.Read:
		c.read(&v, w)
	case bridge.Level:
		flag("level", w.Active, "active", "not active")
	case bridge.Passage:
		flag("passage", w.In, "one person in", "one person out")
	case bridge.Measured:
		v.What, v.Name, v.Value, v.Unit, v.Text = "reading", w.Quantity, &w.Value, w.Unit, reading(w)
	case bridge.Health:
		flag("health", w.Online, "online", "offline: "+w.Cause)
		if !w.Online {
			if try := hint(c.link(s.Device), w.Cause); try != "" {
				v.Text += "; try: " + try
			}
		}
	case bridge.Alert:
		flag("alert", w.Active, "", " is over")
		v.Name, v.Text = string(w.Kind), string(w.Kind)+v.Text
		if w.Cause != "" {
			v.Text += ": " + w.Cause
		}
	}
	return v
}

func (c Config) read(v *Seen, r bridge.Read) {
	if r.Format == bridge.FormatPIN {
		v.What, v.Text = "pin", fmt.Sprintf("%d digits were typed", r.Len/8)
		return
	}
	k := &Card{Format: r.Format, Bits: cardformat.String(r.Bits, r.Len), Fault: string(r.Fault)}
	v.What, v.Card = "card", k
	f, known := c.Rig.Formats.Lookup(r.Format)
	if known {
		k.Facility, k.Number, _, _ = f.Decode(r.Bits, r.Len)
	}
	if f.Contactless {
		k.UID = hex.EncodeToString(r.Bits)
	}
	switch {
	case r.Fault != bridge.NoFault:
		v.Text = fmt.Sprintf("card: %s, %d bits %s", strings.ReplaceAll(k.Fault, "_", " "), r.Len, k.Bits)
		if try := c.faultHint(v.Device, r); try != "" {
			v.Text += "; try: " + try
		}
	case f.Contactless:
		v.Text = fmt.Sprintf("card: %s, UID %s, number %d", k.Format, k.UID, k.Number)
	case f.Facility.Width > 0:
		v.Text = fmt.Sprintf("card: %s, facility %d, number %d, bits %s", k.Format, k.Facility, k.Number, k.Bits)
	default:
		v.Text = fmt.Sprintf("card: %s, number %d, bits %s", k.Format, k.Number, k.Bits)
	}
}

// faultHint says what a frame that is no credential comes from, most often.
func (c Config) faultHint(reader string, r bridge.Read) string {
	s := find(c.Gateway.Readers, func(s *site.Reader) bool { return s.ID == reader })
	if s == nil {
		return ""
	}
	formats, err := c.Rig.Formats.Select(s.Formats)
	switch {
	case err != nil:
		return ""
	case c.link(reader) == line && cardformat.Inverted(formats, r.Bits, r.Len):
		return "D0 and D1 are swapped: every bit is the opposite of a right card"
	case r.Fault == bridge.UnknownFormat:
		return fmt.Sprintf("no configured format has %d bits: add one to the formats of reader %s", r.Len, reader)
	}
	return "hold it up again; when it fails each time, the format is another one of this length; when it fails now and then, look at ground, level shifter and the cable beside the lock's"
}
