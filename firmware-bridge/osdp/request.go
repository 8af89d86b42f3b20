package osdp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kapija/firmware-bridge/osdp/panel"
	"kapija/firmware-bridge/osdp/secure"
	"kapija/firmware-bridge/osdp/wire"
)

// Pair has a reader of the running bus given a key, by a technician's action, within a time: see panel.Pair. It waits until
// the reader proved that it has the key, and returns what the reader is. The key is to be kept beside the one in use
// before, as Reader.Pending; after an error that is ErrUnsure as well.
func (b *Bus) Pair(ctx context.Context, reader string, key secure.Key, within time.Duration) (wire.ID, error) {
	var id wire.ID
	err := b.request(ctx, reader, func(p *panel.Panel, address byte) error {
		return p.Pair(address, key, time.Since(b.engine.start)+within)
	}, func(what any) (bool, error) {
		return pairing(what, &id)
	})
	return id, err
}

// Release lets a reader be paired again after an alarm: a technician saw it, and found it right.
func (b *Bus) Release(ctx context.Context, reader string) error {
	return b.request(ctx, reader, func(p *panel.Panel, address byte) error { return p.Release(address) }, nil)
}

// SetComm gives a reader another address and speed, for good, and waits until it answers there.
func (b *Bus) SetComm(ctx context.Context, reader string, address byte, baud int) error {
	return b.request(ctx, reader, func(p *panel.Panel, now byte) error { return p.SetComm(now, address, baud) }, moving)
}

// Update sends a file to a reader, its firmware as a rule, and waits until the reader has it; cards are read meanwhile.
// Progress is called in Run's goroutine, and must not wait; it may be nil.
func (b *Bus) Update(ctx context.Context, reader string, file []byte, progress func(sent, total int)) error {
	return b.request(ctx, reader, func(p *panel.Panel, address byte) error { return p.SendFile(address, fileKind, file) },
		func(what any) (bool, error) { return updating(what, progress) })
}

// Show writes on a reader's display, or blinks its LED, or sounds its buzzer: wire.Text, wire.LEDs, wire.Buzzer. It does not
// wait for the reader. The error is panel.ErrOffline, or says what does not fit.
func (b *Bus) Show(ctx context.Context, reader string, c wire.Command) error {
	switch c.(type) {
	case wire.Text, wire.LEDs, wire.Buzzer:
	default:
		return fmt.Errorf("osdp: %s shows nothing: expected TEXT, LED or BUZ", wire.Name(c.Code()))
	}
	return b.request(ctx, reader, func(p *panel.Panel, address byte) error { return p.Send(address, c) }, nil)
}

// request has the panel asked in Run's goroutine, which must be under way, and waits until watch, if there is one, has seen
// the end.
func (b *Bus) request(ctx context.Context, id string, do func(p *panel.Panel, address byte) error, watch func(any) (bool, error)) error {
	r := b.reader(id)
	if r == nil {
		return fmt.Errorf("osdp: the bus %s has no reader %q", b.id, id)
	}
	result := make(chan error, 1)
	call := func() {
		err := do(b.engine.panel, r.Address)
		if err != nil || watch == nil {
			result <- err
			return
		}
		b.watches = append(b.watches, func(of *reader, what any) bool {
			if of != r {
				return false
			}
			done, err := watch(what)
			if done {
				result <- err
			}
			return done
		})
	}
	select {
	case b.calls <- call:
	case <-ctx.Done():
		return fmt.Errorf("osdp: reader %s: %w", id, ctx.Err())
	}
	select {
	case err := <-result:
		if err != nil {
			return fmt.Errorf("reader %s: %w", id, err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("osdp: reader %s: %w", id, ctx.Err())
	}
}

// ErrUnsure is wrapped by an error of Pair when the reader may have taken the new key nevertheless: both keys are to be
// kept, the new one as Reader.Pending, until the reader proves one of them.
var ErrUnsure = errors.New("osdp: the reader may have the new key or the old one")

const fileKind = 1 // opaque: for the reader to know

// pairing, moving and updating tell when an event is the end of what was asked for, and how it went.
func pairing(what any, id *wire.ID) (bool, error) {
	switch what := what.(type) {
	case panel.Paired:
		*id = what.ID
		return true, nil
	case panel.PairingRefused:
		return true, fmt.Errorf("osdp: pairing was refused: %s", what.Cause)
	case panel.PairingFailed:
		if what.Unsure {
			return true, fmt.Errorf("%w: pairing: %s", ErrUnsure, what.Cause)
		}
		return true, fmt.Errorf("osdp: pairing failed: %s", what.Cause)
	}
	return false, nil
}

func moving(what any) (bool, error) {
	switch what := what.(type) {
	case panel.CommChanged:
		return true, nil
	case panel.Refused:
		if what.Command == wire.CmdComSet {
			return true, fmt.Errorf("osdp: it keeps its address and speed: %s", what.Words)
		}
	}
	return false, nil
}

func updating(what any, progress func(sent, total int)) (bool, error) {
	t, ok := what.(panel.Transfer)
	if !ok {
		return false, nil
	}
	if progress != nil {
		progress(t.Sent, t.Total)
	}
	if t.Failed != "" {
		return true, fmt.Errorf("osdp: the file was not taken: %s", t.Failed)
	}
	return t.Done, nil
}
