package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"kapija/gateway"
	"kapija/internal/cardformat"
	"kapija/internal/event"
	"kapija/internal/policy/words"
	"kapija/internal/site"
)

type explainCmd struct {
	Site     string `help:"The district: buildings, doors, gateways." default:"configs/district.yaml" env:"KAPIJA_SITE" placeholder:"FILE"`
	Building string `help:"ID of the building." required:"" env:"KAPIJA_BUILDING"`
	Gateway  string `help:"ID of the gateway in that building." required:"" env:"KAPIJA_GATEWAY"`
	Data     string `help:"The gateway's data folder." default:"/var/lib/kapija-gateway" env:"KAPIJA_DATA" placeholder:"DIR"`
	Keys     string `help:"Folder with policy.pub and site.key." default:"/etc/kapija/keys" env:"KAPIJA_KEYS" placeholder:"DIR"`

	Door string `help:"ID of the door." required:""`
	Side string `help:"Where the person goes." enum:"in,out" default:"in"`
	Card string `help:"FORMAT:FACILITY:NUMBER, FORMAT:NUMBER where the format has no facility, or FORMAT:BITS." required:""`
	PIN  string `help:"As typed after the card." name:"pin"`
	At   string `help:"RFC 3339, or '2006-01-02 15:04' in the building's time; left out: now." placeholder:"TIME"`
	Lang string `help:"Language of the answer." enum:"sr-Latn,sr-Cyrl,en" default:"sr-Latn"`
}

// Run prints the steps of the decision, one per line.
func (e *explainCmd) Run(out io.Writer) error {
	district, err := site.Load(e.Site)
	if err != nil {
		return err
	}
	b, g, err := find(district, e.Site, e.Building, e.Gateway)
	if err != nil {
		return err
	}
	q := gateway.Question{Door: e.Door, Side: event.Side(e.Side), PIN: e.PIN}
	if q.At, err = parseTime(e.At, b.Location); err != nil {
		return err
	}
	if q.Format, q.Bits, q.Len, err = parseCard(e.Card, district.Formats); err != nil {
		return err
	}
	steps, notes, err := gateway.Explain(gateway.Config{Building: b, Gateway: g, Dir: e.Data, Keys: e.Keys}, q)
	if err != nil {
		return err
	}
	for _, n := range notes {
		if _, err := fmt.Fprintln(out, "#", n); err != nil {
			return err
		}
	}
	for i, s := range steps {
		if _, err := fmt.Fprintf(out, "%d. %s\n", i+1, words.Text(e.Lang, s)); err != nil {
			return err
		}
	}
	return nil
}

func parseTime(s string, zone *time.Location) (time.Time, error) {
	if s == "" {
		return time.Now(), nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	t, err := time.ParseInLocation("2006-01-02 15:04", s, zone)
	if err != nil {
		return t, fmt.Errorf("--at %q is no time: expected is 2026-06-01T08:00:00+02:00, or '2026-06-01 08:00' in the building's time", s)
	}
	return t, nil
}

// parseCard reads a card as people write it.
func parseCard(s string, formats *cardformat.Set) (format string, bits []byte, n int, err error) {
	part := strings.Split(s, ":")
	f, ok := formats.Lookup(part[0])
	if !ok || len(part) < 2 || len(part) > 3 {
		return "", nil, 0, fmt.Errorf("--card is not FORMAT:FACILITY:NUMBER, FORMAT:NUMBER or FORMAT:BITS, with FORMAT one of %s", strings.Join(formats.Names(), ", "))
	}
	if len(part) == 2 && len(part[1]) == f.Bits && strings.Trim(part[1], "01") == "" {
		bits = make([]byte, (f.Bits+7)/8)
		for i, c := range []byte(part[1]) {
			bits[i/8] |= (c - '0') << (7 - i%8)
		}
		return f.Name, bits, f.Bits, nil
	}
	var number [2]uint64
	for i, text := range part[1:] {
		if number[2-len(part[1:])+i], err = strconv.ParseUint(text, 10, 64); err != nil {
			return "", nil, 0, errors.New("--card: facility and number must be decimal numbers")
		}
	}
	bits, n, err = f.Encode(number[0], number[1])
	return f.Name, bits, n, err
}
