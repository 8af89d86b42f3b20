package rig

import (
	"context"
	"errors"
	"io"
	"slices"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/nfc"
	"kapija/firmware-bridge/nfc/desfire"
	"kapija/firmware-bridge/nfc/mfrc522"
	"kapija/firmware-bridge/nfc/ntag424"
	"kapija/firmware-bridge/nfc/pn532"
	nfcreader "kapija/firmware-bridge/nfc/reader"
	"kapija/firmware-bridge/secrets"
	"kapija/internal/site"
)

func (b *build) readers() error {
	var errs []error
	for _, r := range b.gw.Readers {
		switch v := b.Wiring.Readers[r.ID]; {
		case v.OSDP != "":
			errs = append(errs, b.osdpReader(r, v))
		case v.Chip != "":
			errs = append(errs, b.nfcReader(r, v))
		default:
			errs = append(errs, b.wiegandReader(r))
		}
	}
	return errors.Join(errs...)
}

func (b *build) nfcReader(r *site.Reader, v site.ReaderWiring) error {
	opts, warning, err := b.cards(r)
	if err != nil {
		b.ill(r.ID, err)
		return nil
	}
	if _, err := nfcreader.New(r.ID, noChip{}, opts); err != nil {
		return err
	}
	var reset bridge.Output
	if v.Reset != "" {
		if reset, err = b.w.Output(bridge.Reset(r.ID)); err != nil {
			return err
		}
	}
	dev := &link{id: r.ID, ids: []string{r.ID}, open: func() (bridge.Source, []io.Closer, error) {
		chip, opened, err := b.chip(r.ID, v, reset)
		if err != nil {
			return nil, opened, err
		}
		dev, err := nfcreader.New(r.ID, chip, opts)
		return dev, opened, err
	}}
	if warning != nil {
		dev.alert = &bridge.Alert{Kind: bridge.Insecure, Active: true, Cause: "no_counters: " + warning.Error()}
	}
	b.d.ids = append(b.d.ids, r.ID)
	b.d.Sources = append(b.d.Sources, dev)
	return nil
}

// cards says which cards a reader takes, and with which keys. The warning is why it will refuse those of one format; the
// others go on, because nobody gains by a door that is shut to all.
func (b *build) cards(r *site.Reader) (o nfcreader.Opts, warning, err error) {
	o.Formats = r.Formats
	if slices.Contains(r.Formats, "desfire") {
		made, err := b.Secrets.DESFire()
		if err != nil {
			return o, nil, err
		}
		if o.DESFire, err = desfire.New(made); err != nil {
			return o, nil, err
		}
	}
	if slices.Contains(r.Formats, "ntag424") {
		made, err := b.Secrets.NTAG424()
		if errors.Is(err, secrets.ErrNoCounters) {
			warning, err = err, nil
		}
		if err != nil {
			return o, nil, err
		}
		if o.NTAG424, err = ntag424.New(made); err != nil {
			return o, nil, err
		}
	}
	return o, warning, nil
}

func (b *build) chip(id string, v site.ReaderWiring, reset bridge.Output) (nfc.Chip, []io.Closer, error) {
	switch {
	case v.SPI != "":
		port, err := b.w.SPI(id)
		if err != nil {
			return nil, nil, err
		}
		var chip nfc.Chip
		if v.Chip == "mfrc522" {
			chip, err = mfrc522.New(port, reset)
		} else {
			chip, err = pn532.NewSPI(port, reset)
		}
		return chip, []io.Closer{port}, err
	case v.UART != "":
		port, err := b.w.Serial(id)
		if err != nil {
			return nil, nil, err
		}
		return pn532.NewUART(port, reset), []io.Closer{port}, nil
	}
	bus, addr, err := b.w.I2C(id)
	if err != nil {
		return nil, nil, err
	}
	chip, err := pn532.NewI2C(bus, addr, reset)
	return chip, nil, err
}

// noChip lets the settings of a reader be checked before its chip is opened.
type noChip struct{ nfc.Chip }

func (noChip) Reset(context.Context) error { return nil }
