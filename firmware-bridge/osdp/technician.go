package osdp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/osdp/panel"
	"kapija/firmware-bridge/osdp/secure"
	"kapija/firmware-bridge/osdp/wire"
)

// Target is the reader that a technician works at, on a bus that nothing else uses.
type Target struct {
	Address   byte
	Baud      int         // 0: 9600
	Key       *secure.Key // its own; nil: it has none yet
	Pending   *secure.Key // one that it may have
	ClearText bool        // speak to it in clear when it has no key
}

// Details is what a reader says of itself.
type Details struct {
	ID       wire.ID
	Caps     wire.Caps
	Verified bool // it came over Secure Channel with the reader's own key
}

// Info asks a reader what it is. One without a key is asked in clear. The port stays open, here and below.
func Info(ctx context.Context, port bridge.Port, t Target) (Details, error) {
	var d Details
	err := attend(ctx, port, t, func(_ *panel.Panel, what any) (bool, error) {
		if got, ok := what.(panel.Identified); ok {
			d = Details(got)
			return true, nil
		}
		return gone(what)
	})
	return d, err
}

// Pair gives one reader a new key: over Secure Channel with its own key, or with the default key when it has none and waits
// in install mode. It is a technician's action at a reader that he sees, and ends after the time within. Keep is called
// with the new key before the reader gets it: to be stored beside the old one, so that a power cut loses neither; it may be
// nil. The key is returned when the reader proved that it has it, and is in force from then on. After an error the old one
// is, but for ErrUnsure.
func Pair(ctx context.Context, port bridge.Port, t Target, within time.Duration, keep func(secure.Key) error) (secure.Key, wire.ID, error) {
	key, err := secure.NewKey(rand.Reader)
	if err != nil {
		return secure.Key{}, wire.ID{}, err
	}
	if keep != nil {
		if err := keep(key); err != nil {
			return secure.Key{}, wire.ID{}, fmt.Errorf("osdp: the new key was not stored, and the reader not paired: %w", err)
		}
	}
	var id wire.ID
	asked := false
	err = attend(ctx, port, t, func(p *panel.Panel, what any) (bool, error) {
		switch what.(type) {
		case started:
			if t.Key == nil && t.Pending == nil {
				asked = true
				return false, p.Pair(t.Address, key, within)
			}
		case panel.Online:
			if !asked {
				asked = true
				return false, p.Pair(t.Address, key, within)
			}
		case panel.Offline:
			if !asked {
				return gone(what)
			}
		}
		return pairing(what, &id)
	})
	if err != nil {
		return secure.Key{}, wire.ID{}, err
	}
	return key, id, nil
}

// SetComm gives a reader another address and speed, for good, and waits until it answers there.
func SetComm(ctx context.Context, port bridge.Port, t Target, address byte, baud int) error {
	return whenOnline(ctx, port, t, func(p *panel.Panel) error { return p.SetComm(t.Address, address, baud) }, moving)
}

// Update sends a file to a reader, its firmware as a rule, and waits until the reader has it.
func Update(ctx context.Context, port bridge.Port, t Target, file []byte, progress func(sent, total int)) error {
	return whenOnline(ctx, port, t, func(p *panel.Panel) error { return p.SendFile(t.Address, fileKind, file) },
		func(what any) (bool, error) { return updating(what, progress) })
}

// whenOnline does something once the reader is online, and watches for its end.
func whenOnline(ctx context.Context, port bridge.Port, t Target, do func(*panel.Panel) error, watch func(any) (bool, error)) error {
	asked := false
	return attend(ctx, port, t, func(p *panel.Panel, what any) (bool, error) {
		if _, online := what.(panel.Online); online && !asked {
			asked = true
			return false, do(p)
		}
		if done, err := watch(what); done {
			return true, err
		}
		if asked {
			return false, nil // it may restart, or be looked for at other settings
		}
		return gone(what)
	})
}

func gone(what any) (bool, error) {
	if off, ok := what.(panel.Offline); ok {
		return true, errors.New("osdp: the reader is offline: " + off.Cause)
	}
	return false, nil
}

// started is the first event that on gets.
type started struct{}

// attend runs a panel with one reader until on says that it is done, or ctx is.
func attend(ctx context.Context, port bridge.Port, t Target, on func(p *panel.Panel, what any) (bool, error)) error {
	p, err := panel.New(panel.Config{Baud: t.Baud, Readers: []panel.Reader{{
		Address: t.Address, Key: t.Key, Pending: t.Pending, ClearText: t.ClearText,
	}}})
	if err != nil {
		return err
	}
	if _, err := on(p, started{}); err != nil {
		return err
	}
	e := newEngine(p, nil)
	if err := e.attach(port); err != nil {
		return fmt.Errorf("osdp: port: %w", err)
	}
	defer e.detach()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		next, err := e.step()
		if err != nil {
			return err
		}
		for _, event := range p.Events() {
			if done, err := on(p, event.What); done || err != nil {
				return err
			}
		}
		timer.Reset(max(next, 0))
		select {
		case c := <-e.heard():
			if err := e.take(c); err != nil {
				return err
			}
		case <-timer.C:
		case <-ctx.Done():
			return fmt.Errorf("osdp: reader at address %d: %w", t.Address, ctx.Err())
		}
	}
}
