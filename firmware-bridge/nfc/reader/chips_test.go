package reader_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/nfc"
	"kapija/firmware-bridge/nfc/fakecard"
	"kapija/firmware-bridge/nfc/fakechip"
	"kapija/firmware-bridge/nfc/mfrc522"
	"kapija/firmware-bridge/nfc/pn532"
	"kapija/firmware-bridge/nfc/reader"
)

// Over whole chips, down to their wires: each kind of card, disturbed air, a card that leaves or is slow, and a chip
// whose power fails.
func TestOverEachChip(t *testing.T) {
	chips := map[string]func() (nfc.Chip, *fakechip.Field, error){
		"mfrc522": func() (nfc.Chip, *fakechip.Field, error) {
			c := fakechip.NewMFRC522()
			d, err := mfrc522.New(c, nil)
			return d, c.Field, err
		},
		"pn532 on I²C": func() (nfc.Chip, *fakechip.Field, error) {
			c := fakechip.NewPN532()
			d, err := pn532.NewI2C(c.I2C(), pn532.Address, nil)
			return d, c.Field, err
		},
		"pn532 on SPI": func() (nfc.Chip, *fakechip.Field, error) {
			c := fakechip.NewPN532()
			d, err := pn532.NewSPI(c.SPI(), nil)
			return d, c.Field, err
		},
		"pn532 on a serial port": func() (nfc.Chip, *fakechip.Field, error) {
			c := fakechip.NewPN532()
			return pn532.NewUART(c.Serial(), nil), c.Field, nil
		},
	}
	proven, refused := string(uid[:]), got{"", string(uid[:]), 56, bridge.UnknownFormat}
	cards := []struct {
		card fakecard.Card
		want got
	}{
		{plain(t, 0, 0, 0, 1), got{"uid-32", "\x00\x00\x00\x01", 32, ""}},
		{plain(t, []byte("\x04567890")...), got{"uid-56", "\x04567890", 56, ""}},
		{plain(t, []byte("\x04012345678")...), got{"uid-80", "\x04012345678", 80, ""}},
		{desfireCard(nil), got{"desfire", proven, 56, ""}},
		{desfireCard(func(o *fakecard.DESFireOpts) { o.RandomUID = true }), got{"desfire", proven, 56, ""}},
		{ntagCard(nil), got{"ntag424", proven, 56, ""}},
		{desfireCard(func(o *fakecard.DESFireOpts) { o.Master[0]++ }), refused},
	}
	for name, open := range chips {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				chip, field, err := open()
				if err != nil {
					t.Fatal(err)
				}
				dev, err := reader.New("door-1", chip, opts(t, all...))
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				out, ended := make(chan bridge.Signal, 100), make(chan error)
				go func() { ended <- dev.Run(ctx, out) }()
				b := &bench{t: t, dev: dev, out: out}
				b.expect("start", time.Second, online)

				isAlert := func(what any) bool { _, alert := what.(bridge.Alert); return alert }
				show := func(what string, card fakecard.Card, want got) {
					t.Helper()
					field.Put(card)
					if told := slices.DeleteFunc(b.after(10*time.Second), isAlert); !slices.Equal(told, []any{want}) {
						t.Errorf("%s: told %v, expected %v", what, told, want)
					}
					field.Put()
					b.expect("away", time.Second)
				}
				for _, c := range cards {
					show("undisturbed", c.card, c.want)
					field.Disturb(5, 3)
					show("disturbed air", c.card, c.want)
					field.Deafen(2, 4)
					show("a weak field", c.card, c.want)
					field.Put(c.card)
					field.LeaveAfter(4)
					b.after(2 * time.Second)
					show("after it left", c.card, c.want)
					field.Slow(2)
					show("slow", c.card, c.want)
					field.Slow(0)
				}
				b.expect("quiet", 10*time.Minute)
				field.PowerCut()
				if told := b.after(5 * time.Second); len(told) != 2 || told[0] == online || told[1] != online {
					t.Errorf("told %v after a power cut", told)
				}
				for _, c := range cards {
					show("after a power cut", c.card, c.want)
				}
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			})
		})
	}
}
