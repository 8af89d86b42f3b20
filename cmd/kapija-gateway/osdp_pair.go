package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/user"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/osdp"
	"kapija/firmware-bridge/osdp/secure"
	"kapija/firmware-bridge/secrets"
	"kapija/gateway"
	"kapija/internal/event"
)

type pairCmd struct {
	readerAt
	Within  time.Duration `help:"How long the reader is looked for: put it into install mode meanwhile." default:"60s"`
	Release bool          `help:"Pair a reader that had a key and does not prove it any more: you stand before it, and it is the right one."`
}

// longestPairing bounds how long a bus is open to a reader that nobody knows yet.
const longestPairing = 10 * time.Minute

// Run gives the reader a key, keeps it, and records who did it.
func (c *pairCmd) Run(ctx context.Context, log *slog.Logger, out io.Writer) error {
	if c.Within < time.Second || c.Within > longestPairing {
		return fmt.Errorf("--within is %v, expected 1s to %v", c.Within, longestPairing)
	}
	return c.work(log, func(_ found, known *secrets.Store, port bridge.Port, t osdp.Target) (err error) {
		record, err := gateway.OpenRecorder(c.Data, built())
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, record.Close()) }()
		before, err := known.Reader(c.Reader)
		if err != nil && !errors.Is(err, secrets.ErrNotPaired) {
			return err
		}
		refused := func(cause error) error {
			e := event.Event{Kind: event.ReaderInsecure, Cause: fmt.Sprintf("%s: pairing_failed: by %s: %v", c.Reader, who(), cause)}
			return record.Record(context.WithoutCancel(ctx), e)
		}
		if before.Key != nil {
			err := c.same(ctx, port, t, before)
			if err != nil && !c.Release {
				return errors.Join(err, refused(err))
			}
			if err != nil {
				t.Key, t.Pending = nil, nil // it is in install mode
			}
		}
		fmt.Fprintf(out, "looking for %s at address %d for %v\n", c.Reader, t.Address, c.Within)
		ctx, cancel := context.WithTimeout(ctx, c.Within+answerTime)
		defer cancel()
		t.ClearText = false
		key, id, err := osdp.Pair(ctx, port, t, c.Within, func(k secure.Key) error {
			return known.Pair(c.Reader, secrets.Pairing{Key: before.Key, Pending: &k, ID: before.ID})
		})
		if err != nil {
			return errors.Join(fmt.Errorf("reader %s: %w; put it into install mode, as its manual says, and pair it again", c.Reader, err), c.failed(known, before, err), refused(err))
		}
		if err := known.Pair(c.Reader, secrets.Pairing{Key: &key, ID: id}); err != nil {
			return fmt.Errorf("%w; the key is kept as one to be proven: pair again when the folder can be written", err)
		}
		if err := record.Record(context.WithoutCancel(ctx), event.Event{Kind: event.ReaderPaired, Cause: fmt.Sprintf("%s: by %s: %v", c.Reader, who(), id)}); err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "%s has a key of its own: %v\n", c.Reader, id)
		return err
	})
}

// same checks that a reader that was paired is still there, and no other one in its place.
func (c *pairCmd) same(ctx context.Context, port bridge.Port, t osdp.Target, before secrets.Pairing) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	d, err := osdp.Info(ctx, port, t)
	if err == nil && !before.ID.SameDevice(d.ID) {
		err = fmt.Errorf("it is %v, expected %v", d.ID, before.ID)
	}
	if err != nil {
		return fmt.Errorf("reader %s does not prove the key that it was given: %w; it was set back or exchanged: look at it, and if it is the right one, pair it with --release", c.Reader, err)
	}
	return nil
}

// failed puts back what was known before, unless the reader may have the new key.
func (c *pairCmd) failed(known *secrets.Store, before secrets.Pairing, cause error) error {
	switch {
	case errors.Is(cause, osdp.ErrUnsure):
		return nil
	case before.Key == nil && before.Pending == nil:
		return known.Forget(c.Reader)
	}
	return known.Pair(c.Reader, before)
}

// who is the technician, as this machine knows him.
func who() string {
	if name := os.Getenv("SUDO_USER"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}
