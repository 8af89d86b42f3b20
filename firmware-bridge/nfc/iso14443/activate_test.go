package iso14443

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"kapija/firmware-bridge/nfc"
)

var (
	request = step{tx: "52", bits: 7, rx: "0400"}
	silence = step{tx: "52", bits: 7, err: ErrNoAnswer}
)

// level is anticollision and SELECT of one cascade level.
func level(sel, uid, bcc, sak string) []step {
	return []step{{tx: sel + "20", rx: uid + bcc}, {tx: sel + "70" + uid + bcc, rx: sak, crc: true}}
}

func sequence(first step, levels ...[]step) []step {
	all := []step{first}
	for _, l := range levels {
		all = append(all, l...)
	}
	return all
}

func TestActivate(t *testing.T) {
	for name, c := range map[string]struct {
		steps []step
		uid   []byte
		sak   byte
	}{
		"4 bytes":           {sequence(request, level("93", "12345678", "08", "08")), []byte{0x12, 0x34, 0x56, 0x78}, 0x08},
		"L31 leading zeros": {sequence(request, level("93", "00000001", "01", "20")), []byte{0, 0, 0, 1}, 0x20},
		"7 bytes": {sequence(request, level("93", "88041122", "bf", "04"), level("95", "33445566", "44", "20")),
			[]byte{0x04, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66}, 0x20},
		"L31 7 bytes with zeros": {sequence(request, level("93", "88000000", "88", "04"), level("95", "00000002", "02", "00")),
			[]byte{0, 0, 0, 0, 0, 0, 2}, 0x00},
		"10 bytes": {sequence(request, level("93", "88040102", "8f", "04"), level("95", "88030405", "8a", "04"), level("97", "06070809", "00", "20")),
			[]byte{4, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 0x20},
		"10 bytes, the last level looks like a tag": {sequence(request, level("93", "88040102", "8f", "04"), level("95", "88030405", "8a", "04"), level("97", "88070809", "8e", "20")),
			[]byte{4, 1, 2, 3, 4, 5, 0x88, 7, 8, 9}, 0x20},
		"the first WUPA was an error to it": {sequence(silence, append([]step{request}, level("93", "12345678", "08", "08")...)), []byte{0x12, 0x34, 0x56, 0x78}, 0x08},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, c.steps, func(l Link) {
				card, err := Activate(t.Context(), l)
				if err != nil || !bytes.Equal(card.UID, c.uid) || card.SAK != c.sak || card.ATQA != 0x0004 {
					t.Errorf("card %+v and the error %v", card, err)
				}
			})
		})
	}
}

func TestActivateFails(t *testing.T) {
	select1 := func(rx string) []step {
		return []step{request, {tx: "9320", rx: "1234567808"}, {tx: "93701234567808" + "3ca2", rx: rx}}
	}
	for name, c := range map[string]struct {
		steps []step
		want  error
		says  string
	}{
		"nothing":                      {[]step{silence, silence}, nfc.ErrNoCard, ""},
		"WUPA disturbed":               {[]step{{tx: "52", bits: 7, err: ErrDisturbed}}, nfc.ErrNoCard, "WUPA"},
		"short ATQA":                   {[]step{{tx: "52", bits: 7, rx: "04"}}, nfc.ErrNoCard, "ATQA of 1 bytes"},
		"two kinds of card":            {[]step{{tx: "52", bits: 7, err: nfc.ErrCollision}}, nfc.ErrCollision, ""},
		"two UIDs":                     {[]step{request, {tx: "9320", err: nfc.ErrCollision}}, nfc.ErrCollision, ""},
		"gone":                         {[]step{request, {tx: "9320", err: ErrNoAnswer}}, nfc.ErrNoCard, "cascade level 1"},
		"wrong BCC":                    {[]step{request, {tx: "9320", rx: "1234567809"}}, nfc.ErrNoCard, "BCC"},
		"short UID":                    {[]step{request, {tx: "9320", rx: "12345626"}}, nfc.ErrNoCard, "BCC"},
		"no SAK":                       {select1(""), nfc.ErrNoCard, "0 bytes"},
		"SAK with a wrong CRC":         {select1("08b6de"), nfc.ErrNoCard, "CRC"},
		"SAK of two bytes":             {sequence(request, level("93", "12345678", "08", "0808")), nfc.ErrNoCard, "SAK of 2 bytes"},
		"more without a cascade tag":   {sequence(request, level("93", "12345678", "08", "04")), nfc.ErrNoCard, "disagree"},
		"a cascade tag and no more":    {sequence(request, level("93", "88041122", "bf", "20")), nfc.ErrNoCard, "disagree"},
		"gone at the second level":     {sequence(request, level("93", "88041122", "bf", "04"), []step{{tx: "9520", err: ErrNoAnswer}}), nfc.ErrNoCard, "cascade level 2"},
		"a UID that does not end":      {sequence(request, level("93", "88040102", "8f", "04"), level("95", "88030405", "8a", "04"), level("97", "88070809", "8e", "04")), nfc.ErrNoCard, "does not end"},
		"broken chip at WUPA":          {[]step{{tx: "52", bits: 7, err: errChip}}, errChip, ""},
		"broken chip at anticollision": {[]step{request, {tx: "9320", err: errChip}}, errChip, ""},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, c.steps, func(l Link) {
				_, err := Activate(t.Context(), l)
				if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
					t.Errorf("error %v, expected %v that says %q", err, c.want, c.says)
				}
				if c.want == errChip && errors.Is(err, nfc.ErrNoCard) {
					t.Error("a broken chip is no card")
				}
			})
		})
	}
}

func TestHalt(t *testing.T) {
	for name, c := range map[string]struct{ err, want error }{
		"heard":          {ErrNoAnswer, nil},
		"something else": {ErrDisturbed, nil},
		"broken chip":    {errChip, errChip},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, []step{{tx: "500057cd", err: c.err}}, func(l Link) {
				if err := Halt(t.Context(), l); !errors.Is(err, c.want) {
					t.Errorf("error %v, expected %v", err, c.want)
				}
			})
		})
	}
}
